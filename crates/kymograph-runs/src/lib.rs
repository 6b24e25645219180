//! The run folder: manifest, recorder, reader, checkpoint importers and data sets.
