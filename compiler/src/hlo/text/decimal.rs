//! Numbers of long lists, fast: those that are written as people write them, in one pass over their bytes. Everything
//! else is left to the reader of single numbers.

/// A number of few digits: `digits * 10^exponent`.
pub struct Decimal {
    is_negative: bool,
    // Invariant: below 10^19.
    digits: u64,
    exponent: i32,
    is_integer: bool,
    /// How many bytes of text it takes.
    pub length: usize,
}

/// More digits do not fit a `u64`.
const MAX_DIGITS: usize = 18;

impl Decimal {
    /// The number that a text begins with; `None` for long ones, and for what is no decimal number.
    pub fn read(text: &[u8]) -> Option<Decimal> {
        let mut at = 0;
        let is_negative = text.first() == Some(&b'-');
        at += usize::from(is_negative);
        let first = at;
        let mut digits = 0u64;
        let mut digit_run = |at: &mut usize| {
            let start = *at;
            while let Some(digit) =
                text.get(*at).map(|byte| byte.wrapping_sub(b'0')).filter(|&digit| digit < 10)
            {
                digits = digits.wrapping_mul(10).wrapping_add(u64::from(digit));
                *at += 1;
            }
            *at - start
        };
        let whole = digit_run(&mut at);
        let mut fraction = 0;
        let mut is_integer = true;
        if text.get(at) == Some(&b'.') {
            at += 1;
            is_integer = false;
            fraction = digit_run(&mut at);
        }
        if whole == 0 || whole + fraction > MAX_DIGITS {
            return None;
        }
        let mut exponent = 0i32;
        if matches!(text.get(at), Some(b'e' | b'E')) {
            at += 1;
            is_integer = false;
            let is_negative = text.get(at) == Some(&b'-');
            at += usize::from(is_negative || text.get(at) == Some(&b'+'));
            let start = at;
            while let Some(digit) =
                text.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|&digit| digit < 10)
            {
                exponent = exponent.saturating_mul(10).saturating_add(i32::from(digit));
                at += 1;
            }
            if at == start || at - start > 3 {
                return None;
            }
            exponent = if is_negative { -exponent } else { exponent };
        }
        // `0x1F` is something else.
        if text.get(at).is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_')) {
            return None;
        }
        debug_assert!(at > first);
        Some(Decimal { is_negative, digits, exponent: exponent - fraction as i32, is_integer, length: at })
    }

    pub fn int(&self) -> Option<i64> {
        let value = self.digits as i64;
        self.is_integer.then_some(if self.is_negative { -value } else { value })
    }

    /// The nearest float, where one rounding finds it: both factors are floats without an error.
    pub fn float(&self) -> Option<f64> {
        const POWERS: [f64; 23] = [
            1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
            1e18, 1e19, 1e20, 1e21, 1e22,
        ];
        const EXACT: u64 = 1 << f64::MANTISSA_DIGITS;
        let power = *POWERS.get(self.exponent.unsigned_abs() as usize)?;
        if self.digits > EXACT {
            return None;
        }
        let digits = self.digits as f64;
        let value = if self.exponent < 0 { digits / power } else { digits * power };
        Some(if self.is_negative { -value } else { value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_those_of_the_standard_library() {
        let mut word = 1u64;
        let mut fast = 0;
        for round in 0..20_000 {
            word = word.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let x = f64::from_bits(word);
            let x = if round % 2 == 0 { f64::from(x as f32) } else { (word as i32) as f64 / 1024.0 };
            for text in [format!("{x}"), format!("{x:e}"), format!("{x:.6e}"), format!("{x:.3}")] {
                let Some(found) = Decimal::read(text.as_bytes()) else { continue };
                assert_eq!(found.length, text.len(), "{text}");
                let Some(found) = found.float() else { continue };
                let expected: f64 = text.parse().expect("Rust wrote it");
                assert_eq!(found.to_bits(), expected.to_bits(), "{text}");
                fast += 1;
            }
        }
        assert!(fast > 40_000, "only {fast} numbers take the fast way");
    }

    #[test]
    fn what_is_not_simple_is_left_alone() {
        let length = |text: &str| Decimal::read(text.as_bytes()).map(|decimal| decimal.length);
        assert_eq!(length("12, 3"), Some(2));
        assert_eq!(length("-0.5]"), Some(4));
        assert_eq!(length("1.e+2 "), Some(5));
        for odd in
            ["0x7F", "", "-", ".5", "1e", "1.5.2", "1_000", "123456789012345678901", "1e1000", "nan", "true"]
        {
            assert_eq!(length(odd), None, "{odd}");
        }
        let int = |text: &str| Decimal::read(text.as_bytes()).and_then(|decimal| decimal.int());
        assert_eq!((int("-12"), int("12.0"), int("0")), (Some(-12), None, Some(0)));
    }
}
