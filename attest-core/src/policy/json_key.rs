//! Which key stands at a place of a JSON text, for errors that know only line and column.

use alloc::string::String;
use alloc::vec::Vec;

/// The keys that lead to a line and a column, both from 1, joined by dots; empty at the front.
pub(super) fn at(text: &str, line: usize, column: usize) -> String {
    let above: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let before = text.as_bytes().get(..above.saturating_add(column)).unwrap_or(text.as_bytes());
    // The key of each object that is open, and the text that was read last: it is a key if a colon follows.
    let (mut open, mut last): (Vec<Option<&[u8]>>, _) = (Vec::new(), None);
    let mut octets = before.iter().enumerate();
    while let Some((start, octet)) = octets.next() {
        match octet {
            b'"' => {
                let mut escaped = false;
                let end = octets.find(|(_, octet)| {
                    let ends = **octet == b'"' && !escaped;
                    escaped = **octet == b'\\' && !escaped;
                    ends
                });
                last = end.and_then(|(end, _)| before.get(start.saturating_add(1)..end));
            }
            b':' => {
                if let Some(key) = open.last_mut() {
                    *key = last.take();
                }
            }
            b'{' | b'[' => open.push(None),
            b'}' | b']' => drop(open.pop()),
            _ => {}
        }
    }
    let keys: Vec<&str> = open.iter().flatten().filter_map(|key| core::str::from_utf8(key).ok()).collect();
    keys.join(".")
}

#[cfg(test)]
mod tests {
    use super::at;

    #[test]
    fn keys_are_found_by_place() {
        let text = "{\n \"a\": {\"b:\": [1, \"x\\\"{\"],\n  \"c\": 2}, \"d\": 3\n}";
        assert_eq!(at(text, 1, 1), "");
        assert_eq!(at(text, 2, 16), "a.b:");
        assert_eq!(at(text, 2, 23), "a.b:");
        assert_eq!(at(text, 3, 8), "a.c");
        assert_eq!(at(text, 3, 17), "d");
        assert_eq!(at(text, 4, 1), "");
        assert_eq!(at(text, 9, 9), "");
    }
}
