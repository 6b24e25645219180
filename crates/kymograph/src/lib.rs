//! See inside a neural network while it learns: the library and the command line.
