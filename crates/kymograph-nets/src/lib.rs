//! Small networks whose insides are open: layers, losses, optimisers, hook points, interventions.
