//! A value of any rule has one form; frames are the same in one piece and in two.
#![no_main]

use attestrap_fuzz::protocol::{FRAMES, again, frames};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| match input {
    [FRAMES, first, stream @ ..] => {
        let (whole, error) = frames(stream, stream.len());
        assert!(frames(stream, usize::from(*first)) == (whole.clone(), error));
        let written: Vec<_> = whole.iter().map(|frame| frame.to_bytes().unwrap().to_vec()).collect();
        assert!(stream.starts_with(&written.concat()));
    }
    _ => {
        let Some(Ok((written, skipped))) = again(input) else { return };
        assert!(skipped > 0 || written == input[1..], "it has two forms");
        let once_more = [&input[..1], &written].concat();
        assert_eq!(again(&once_more), Some(Ok((written, 0))));
    }
});
