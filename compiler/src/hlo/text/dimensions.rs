//! The dimension numbers of convolutions: `[b, f, 0, 1]x[o, i, 0, 1]->[b, f, 0, 1]`.

use super::syntax::CONVOLUTION;
use super::{Parsed, Parser};
use crate::diag::Diagnostic;
use crate::hlo::{Attribute, Attributes};

impl<'a> Parser<'a> {
    /// `<[..]x[..]->[..]>` or `<raw field = value, ..>`
    pub(super) fn convolution_numbers(&mut self) -> Parsed<Attribute> {
        let start = self.at;
        self.at.expect("<")?;
        if self.at.eat_word("raw") {
            // The record begins behind a bracket; reading from the word on would need a grammar of its own.
            let mut fields = Vec::new();
            loop {
                let field = self.at.expect_word("a field")?.to_string();
                self.at.expect("=")?;
                let value = self.attribute()?;
                let value = value.ints().filter(|_| value.int().is_none()).map_or(value, Attribute::numbers);
                fields.push((field, value));
                if !self.at.eat(",") {
                    break;
                }
            }
            self.at.expect(">")?;
            return Ok(Attribute::Record("stablehlo.conv".into(), Attributes(fields)));
        }
        let numbers = self.convolution_short_form()?;
        if !self.at.eat(">") {
            return Err(start.expected("dimension numbers"));
        }
        Ok(numbers)
    }

    /// `[b, f, 0, 1]x[o, i, 0, 1]->[b, f, 0, 1]`
    pub(super) fn convolution_short_form(&mut self) -> Parsed<Attribute> {
        let mut fields = Attributes::default();
        for (position, (array, letters)) in CONVOLUTION.iter().enumerate() {
            match position {
                0 => {}
                1 => self.at.expect("x")?,
                _ => self.at.expect("->")?,
            }
            let start = self.at;
            let axes = self.list("[", "]", |parser| {
                let word = parser.at.word();
                Ok(if word.is_empty() { Axis::Spatial(parser.spatial()?) } else { Axis::Letter(word) })
            })?;
            for (letter, field) in letters {
                let found = axes.iter().position(|axis| matches!(axis, Axis::Letter(x) if x == letter));
                let found = found.ok_or_else(|| {
                    Diagnostic::error(format!("expected an axis `{letter}` of the {array}")).at(start.here())
                })?;
                fields.set(&format!("{array}_{field}_dimension"), Attribute::i64(found as i64));
            }
            let mut spatial: Vec<(usize, usize)> = axes
                .iter()
                .enumerate()
                .filter_map(
                    |(at, axis)| if let Axis::Spatial(order) = axis { Some((*order, at)) } else { None },
                )
                .collect();
            spatial.sort_unstable();
            let spatial = spatial.into_iter().map(|(_, at)| at as i64);
            fields.set(&format!("{array}_spatial_dimensions"), Attribute::numbers(spatial));
        }
        Ok(Attribute::Record("stablehlo.conv".into(), fields))
    }

    /// The number of a spatial axis; `?` is one that means nothing.
    fn spatial(&mut self) -> Parsed<usize> {
        self.at.unsigned()
    }
}

enum Axis<'a> {
    Letter(&'a str),
    Spatial(usize),
}
