//! Credential activation against a device in software, with keys of these tests and with vectors of others.

#[path = "credential/activation.rs"]
mod activation;
#[path = "credential/certified.rs"]
mod certified;
#[path = "credential/device.rs"]
mod device;
#[path = "credential/manifest.rs"]
mod manifest;
#[path = "credential/primes.rs"]
mod primes;
#[path = "credential/real.rs"]
mod real;
