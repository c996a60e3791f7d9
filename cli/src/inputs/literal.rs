//! Arrays as words of a command line: `3.0`, `[1., 2.]`, `[[True], [False]]`, `1-2j`.

use rjaxc_compiler::types::{Aval, DType, Kind, Literal, Scalar, Tensor};

/// Deeper lists than any shape has would only overflow the stack.
const DEEPEST: usize = 64;

/// Reads a number or nested lists of numbers as an array of the type `aval`.
///
/// Errors: what was expected and what was found.
pub fn parse(text: &str, aval: &Aval) -> Result<Tensor, String> {
    let mut reader = Reader { rest: text.trim(), dtype: aval.dtype, values: Vec::new() };
    let shape = reader.value(0)?;
    if !reader.rest.is_empty() {
        return Err(format!("expected the end of the array, found `{}`", reader.rest));
    }
    let matches = shape.len() == aval.rank() && shape == aval.shape.extents()
        // An empty list says nothing about the extents within it.
        || shape.last() == Some(&0) && aval.shape.extents().starts_with(&shape);
    if !matches {
        return Err(format!("expected {aval}, found {}", Aval::new(aval.dtype, shape)));
    }
    Ok(Tensor::from_scalars(aval.clone(), reader.values))
}

struct Reader<'a> {
    rest: &'a str,
    dtype: DType,
    values: Vec<Scalar>,
}

impl Reader<'_> {
    /// Reads a number or a list; returns its shape.
    fn value(&mut self, depth: usize) -> Result<Vec<usize>, String> {
        if !self.eat("[") {
            return self.number().map(|value| {
                self.values.push(value);
                Vec::new()
            });
        }
        if depth == DEEPEST {
            return Err(format!("lists are nested deeper than {DEEPEST}"));
        }
        let (mut count, mut inner) = (0, None);
        while !self.eat("]") {
            let shape = self.value(depth + 1)?;
            let first = inner.get_or_insert_with(|| shape.clone());
            if *first != shape {
                return Err("the elements of a list have different shapes".to_string());
            }
            count += 1;
            if !self.eat(",") && !self.rest.starts_with(']') {
                return Err(format!("expected `,` or `]`, found `{}`", self.rest));
            }
        }
        let mut shape = vec![count];
        shape.extend(inner.unwrap_or_default());
        Ok(shape)
    }

    fn eat(&mut self, token: &str) -> bool {
        self.rest = self.rest.trim_start();
        let Some(rest) = self.rest.strip_prefix(token) else { return false };
        self.rest = rest.trim_start();
        true
    }

    fn number(&mut self) -> Result<Scalar, String> {
        let end = self.rest.find([',', ']', '[']).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        let word = word.trim();
        scalar(word, self.dtype).ok_or_else(|| format!("expected {}, found `{word}`", wanted(self.dtype)))
    }
}

fn wanted(dtype: DType) -> String {
    match dtype.kind() {
        Kind::Bool | Kind::Float0 => "True or False".to_string(),
        Kind::Signed | Kind::Unsigned => format!("an integer in the range of {dtype}"),
        Kind::Float => "a number".to_string(),
        Kind::Complex => "a complex number such as 1.5-2j".to_string(),
        Kind::Key => "the 64 bits of a key as an integer".to_string(),
    }
}

/// Python's spelling of one element, rounded to `dtype`; integers must fit.
fn scalar(word: &str, dtype: DType) -> Option<Scalar> {
    match dtype.kind() {
        Kind::Bool | Kind::Float0 => match word {
            "True" | "true" | "1" => Some(Scalar::Bool(true)),
            "False" | "false" | "0" => Some(Scalar::Bool(false)),
            _ => None,
        },
        Kind::Signed | Kind::Unsigned => {
            let value = Scalar::Int(integer(word)?);
            (value.rounded(dtype) == value).then_some(value)
        }
        Kind::Float => Some(Literal::from_f64(dtype, real(word)?).value()),
        Kind::Complex => complex(word).map(|(re, im)| Scalar::Complex(re, im)),
        Kind::Key => u64::try_from(integer(word)?).ok().map(Scalar::Key),
    }
}

fn integer(word: &str) -> Option<i128> {
    match word.strip_prefix("0x") {
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            i128::from_str_radix(digits, 16).ok()
        }
        Some(_) => None,
        None => word.parse().ok(),
    }
}

fn real(word: &str) -> Option<f64> {
    word.parse().ok()
}

/// `1.5`, `2j`, `1-2j`, `(1-2j)`.
fn complex(word: &str) -> Option<(f64, f64)> {
    let word = word.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')).unwrap_or(word);
    let Some(body) = word.strip_suffix('j') else { return Some((real(word)?, 0.0)) };
    // The sign that starts the imaginary part is the last one that is no exponent's.
    let is_sign = |(at, c): &(usize, char)| {
        matches!(c, '+' | '-') && *at > 0 && !matches!(body.as_bytes()[at - 1], b'e' | b'E')
    };
    match body.char_indices().rfind(is_sign) {
        Some((at, _)) => Some((real(&body[..at])?, real(&body[at..])?)),
        None => Some((0.0, real(body)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, dtype: DType, shape: &[usize], expected: &str) {
        let aval = Aval::new(dtype, shape);
        let found = match parse(text, &aval) {
            Ok(tensor) => tensor.to_string(),
            Err(reason) => reason,
        };
        assert_eq!(found, expected, "{text} as {aval}");
    }

    #[test]
    fn reads_numbers_and_lists() {
        check("3", DType::F32, &[], "3.0");
        check(" -1e-3 ", DType::F64, &[], "-0.001");
        check("nan", DType::F32, &[], "nan");
        check("-inf", DType::F32, &[], "-inf");
        check("[1., 2.,]", DType::F32, &[2], "[1.0, 2.0]");
        check("[[1,2,3] , [4,5,6]]", DType::I32, &[2, 3], "[[1, 2, 3], [4, 5, 6]]");
        check("[True, False]", DType::Bool, &[2], "[True, False]");
        check(
            "[1-2j, 2j, 1e-2+1e-2j, 3]",
            DType::C64,
            &[4],
            "[(1-2j), 2j, (0.009999999776482582+0.009999999776482582j), (3+0j)]",
        );
        check("[]", DType::F32, &[0], "[]");
        check("[[], []]", DType::F32, &[2, 0], "[[], []]");
        check("[]", DType::F32, &[0, 3], "[]");
        check("0x2a", DType::KeyFry, &[], "0x000000000000002a");
    }

    #[test]
    fn says_expected_and_found() {
        check("[1., 2.]", DType::F32, &[3], "expected f32[3], found f32[2]");
        check("1.", DType::F32, &[1], "expected f32[1], found f32[]");
        check("1.5", DType::I32, &[], "expected an integer in the range of i32, found `1.5`");
        check("300", DType::U8, &[], "expected an integer in the range of u8, found `300`");
        check("-1", DType::U8, &[], "expected an integer in the range of u8, found `-1`");
        check("x", DType::F32, &[], "expected a number, found `x`");
        check("", DType::F32, &[], "expected a number, found ``");
        check("[1, [2]]", DType::F32, &[2], "the elements of a list have different shapes");
        check("[1", DType::F32, &[1], "expected `,` or `]`, found ``");
        check("[1] 2", DType::F32, &[1], "expected the end of the array, found `2`");
        check(&"[".repeat(100_000), DType::F32, &[1], "lists are nested deeper than 64");
        check("é", DType::C64, &[], "expected a complex number such as 1.5-2j, found `é`");
        check("éj", DType::C64, &[], "expected a complex number such as 1.5-2j, found `éj`");
    }
}
