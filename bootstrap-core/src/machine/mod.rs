//! The machines of protocol section 5: plain values, told inputs, polled for outputs.
