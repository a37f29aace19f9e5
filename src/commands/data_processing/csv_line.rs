//! Writing one row of CSV.

/// A row of CSV without its line end; fields are quoted where they must be.
pub(super) fn csv_line<'a>(fields: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut line = Vec::new();
    for (index, field) in fields.enumerate() {
        if index > 0 {
            line.push(b',');
        }
        if field.iter().any(|byte| b",\"\r\n".contains(byte)) {
            line.push(b'"');
            for byte in field {
                line.extend_from_slice(if *byte == b'"' {
                    b"\"\""
                } else {
                    std::slice::from_ref(byte)
                });
            }
            line.push(b'"');
        } else {
            line.extend_from_slice(field);
        }
    }
    if line.is_empty() {
        line.extend_from_slice(b"\"\""); // a single empty field is no empty line
    }
    line
}
