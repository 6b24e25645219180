//! Layouts of rows and the measures of how far they can be trusted.

mod hostile;
mod layouts;
mod reference;
