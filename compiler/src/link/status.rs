//! The status codes that compiled functions return. 0 is success; codes never change their meaning.

/// A status code, its name in C without the `RJAX_` prefix, and what it tells the caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Status {
    pub code: i32,
    pub name: &'static str,
    pub message: &'static str,
}

/// The call has computed its results.
pub const OK: i32 = 0;
/// A required pointer is NULL.
pub const NULL_POINTER: i32 = -1;
/// The work buffer, or an array, is not aligned as the header asks.
pub const MISALIGNED: i32 = -2;
/// The processor lacks instructions that the object was compiled for.
pub const UNSUPPORTED_CPU: i32 = -3;
/// The device that the object was compiled for is absent.
pub const NO_DEVICE: i32 = -4;
/// The device reported an error.
pub const DEVICE_ERROR: i32 = -5;
/// The executor passed by the caller cannot be used.
pub const BAD_EXECUTOR: i32 = -6;

/// All codes, success first.
pub const ALL: [Status; 7] = [
    Status { code: OK, name: "OK", message: "success" },
    Status { code: NULL_POINTER, name: "NULL_POINTER", message: "a required pointer is NULL" },
    Status { code: MISALIGNED, name: "MISALIGNED", message: "a buffer is not aligned as the header asks" },
    Status {
        code: UNSUPPORTED_CPU,
        name: "UNSUPPORTED_CPU",
        message: "this processor lacks instructions that the code was compiled for",
    },
    Status {
        code: NO_DEVICE,
        name: "NO_DEVICE",
        message: "the device that the code was compiled for is absent",
    },
    Status { code: DEVICE_ERROR, name: "DEVICE_ERROR", message: "the device reported an error" },
    Status {
        code: BAD_EXECUTOR,
        name: "BAD_EXECUTOR",
        message: "the executor passed by the caller cannot be used",
    },
];
