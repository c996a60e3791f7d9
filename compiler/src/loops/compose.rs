//! Fusion as composition: replaces a load from a buffer by the computation that fills it.
