//! The built-in studies: data, network, what to capture, plan and predictions.
