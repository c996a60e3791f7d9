//! The lines of an `.ir` file: `const`, `let`, `export`, `custom_jvp`, `custom_vjp`, `threefry`, and the bare function.

use super::lexer::TokenKind;
use super::parse::{Parse, Parser};
use super::syntax::{
    ConstDef, ConstValue, Definition, Export, File, Ident, Numbers, Param, ParamValue, RuleDef, Threefry,
};
use super::syntax::{TransformCall, TransformExpr};
use super::value::unquoted;
use crate::diag::{Diagnostic, SourceId, Sources, Span};
use std::collections::HashMap;

/// Reads a whole `.ir` file.
///
/// Errors: the first mistake of each top-level item; brackets that do not pair are reported alone.
pub fn parse(sources: &Sources, id: SourceId) -> Result<File<'_>, Vec<Diagnostic>> {
    let mut parser = Parser::new(sources.text(id), id).map_err(|diagnostic| vec![diagnostic])?;
    let mut file = File::default();
    let mut diagnostics = Vec::new();
    while parser.peek().kind != TokenKind::End {
        let first = parser.at;
        if let Err(diagnostic) = parser.item(&mut file) {
            diagnostics.push(diagnostic);
            parser.skip_item(first);
        }
    }
    if diagnostics.is_empty() && file.main.is_none() && file.definitions.is_empty() {
        let message = "expected a function, found an empty file";
        let hint = "print one with `print(jax.make_jaxpr(f)(*args))`";
        diagnostics.push(Diagnostic::error(message).at(Span::new(id, 0, 0)).hint(hint));
    }
    if diagnostics.is_empty() { Ok(file) } else { Err(diagnostics) }
}

/// Reads what stands behind `--export`: `NAME` or `NAME = EXPRESSION`.
pub fn parse_export(sources: &Sources, id: SourceId) -> Result<Export<'_>, Vec<Diagnostic>> {
    let export = || {
        let mut parser = Parser::new(sources.text(id), id)?;
        let export = parser.export_body(0)?;
        match parser.peek().kind {
            TokenKind::End => Ok(export),
            _ => Err(parser.unexpected("the end of the expression")),
        }
    };
    export().map_err(|diagnostic| vec![diagnostic])
}

impl<'a> Parser<'a> {
    fn item(&mut self, file: &mut File<'a>) -> Parse<()> {
        let first = self.at;
        let token = self.peek();
        match (token.kind, self.text_of(token)) {
            (TokenKind::Punct(b'{'), _) => {
                let jaxpr = self.jaxpr()?;
                if let Some(main) = &file.main {
                    return Err(Diagnostic::error("a second function without a name")
                        .at(jaxpr.span)
                        .label(main.span, "the first one is here")
                        .hint("name it: `let name = { lambda ... }`"));
                }
                file.main = Some(jaxpr);
            }
            (TokenKind::Word, "let") => {
                let definition = self.definition()?;
                let local = self.eat_word("in");
                file.definitions.push(Definition { local, ..definition });
            }
            (TokenKind::Word, "const") => file.constants.push(self.constant()?),
            (TokenKind::Word, "export") => {
                self.at += 1;
                file.exports.push(self.export_body(first)?);
            }
            (TokenKind::Word, "threefry") => self.threefry(file)?,
            (TokenKind::Word, "custom_jvp") => file.rules.push(self.custom_rule(1)?),
            (TokenKind::Word, "custom_vjp") => file.rules.push(self.custom_rule(2)?),
            (
                TokenKind::Word
                | TokenKind::Number
                | TokenKind::Quoted
                | TokenKind::Raw
                | TokenKind::Punct(_)
                | TokenKind::End,
                _,
            ) => {
                let expected = "`{ lambda`, `let`, `const`, `export` or `threefry`";
                return Err(self.unexpected(expected).hint(
                    "a jaxpr starts with `{ lambda ; x:f32[3]. let`; StableHLO text belongs in a file named `.mlir`",
                ));
            }
        }
        Ok(())
    }

    /// Moves to the start of the next item after a mistake in the one that starts at `first`.
    fn skip_item(&mut self, first: usize) {
        self.at = self.behind(first);
        loop {
            let token = self.peek();
            let is_start = match (token.kind, self.text_of(token)) {
                (TokenKind::End, _) => true,
                (TokenKind::Word, "let" | "const" | "export" | "threefry" | "custom_jvp" | "custom_vjp") => {
                    token.starts_line
                }
                (TokenKind::Punct(b'{'), _) => token.starts_line,
                (TokenKind::Word | TokenKind::Number | TokenKind::Quoted, _) => false,
                (TokenKind::Raw | TokenKind::Punct(_), _) => false,
            };
            if is_start {
                return;
            }
            self.at = self.behind(self.at);
        }
    }

    fn threefry(&mut self, file: &mut File<'a>) -> Parse<()> {
        let first = self.at;
        self.at += 1;
        self.expect(b'=', "after `threefry`")?;
        let name = self.ident("`original` or `partitionable`")?;
        let value = match name.text {
            "original" => Threefry::Original,
            "partitionable" => Threefry::Partitionable,
            other => {
                let message = format!("expected `original` or `partitionable`, found `{other}`");
                return Err(Diagnostic::error(message).at(name.span));
            }
        };
        let span = self.span_from(first);
        if let Some((_, earlier)) = file.threefry.replace((value, span)) {
            return Err(Diagnostic::error("a second `threefry` line")
                .at(span)
                .label(earlier, "the first one is here"));
        }
        Ok(())
    }

    /// A line that names the `count` functions of a rule.
    fn custom_rule(&mut self, count: usize) -> Parse<RuleDef<'a>> {
        let first = self.at;
        self.at += 1;
        let name = self.compound_ident("the name of a function with a rule of its own")?;
        self.expect(b'=', "and the functions of the rule")?;
        let mut functions = vec![self.compound_ident("the function that is the rule")?];
        while functions.len() < count {
            self.expect(b',', "and the function that computes cotangents")?;
            functions.push(self.compound_ident("the function that computes cotangents")?);
        }
        Ok(RuleDef { name, functions, span: self.span_from(first) })
    }

    fn constant(&mut self) -> Parse<ConstDef<'a>> {
        let first = self.at;
        self.at += 1;
        let name = self.ident("a name after `const`")?;
        let aval = if self.eat(b':') { Some(self.aval()?) } else { None };
        self.expect(b'=', "and the value of the constant").map_err(|d| {
            d.hint("write `const W: f32[2] = [1., 2.]` or `const W: f32[2] = file(\"weights.npz\", \"W\")`")
        })?;
        let value = if self.is_word(self.at, "file") {
            self.at += 1;
            self.file_reference()?
        } else {
            ConstValue::Literal(self.numbers()?)
        };
        Ok(ConstDef { name, aval, value, span: self.span_from(first) })
    }

    /// `("path", "key")`
    fn file_reference(&mut self) -> Parse<ConstValue> {
        let first = self.at - 1;
        self.expect(b'(', "after `file`")?;
        let path = self.quoted("the path of the file, in quotes")?;
        let mut key = None;
        if self.eat(b',') && !self.is_punct(self.at, b')') {
            key = Some(self.quoted("the name of the array in the file, in quotes")?);
            self.eat(b',');
        }
        self.expect(b')', "after the file's path and key")?;
        Ok(ConstValue::File { path, key, span: self.span_from(first) })
    }

    fn quoted(&mut self, expected: &str) -> Parse<String> {
        let token = self.peek();
        if token.kind != TokenKind::Quoted {
            return Err(self.unexpected(expected));
        }
        self.at += 1;
        Ok(unquoted(self.text_of(token)))
    }

    fn numbers(&mut self) -> Parse<Numbers> {
        let first = self.at;
        if self.eat(b'[') {
            let mut items = Vec::new();
            while !self.eat(b']') {
                items.push(self.numbers()?);
                if !self.is_punct(self.at, b']') {
                    self.expect(b',', "or `]` after an element")?;
                }
            }
            return Ok(Numbers::List(items, self.span_from(first)));
        }
        match self.number()? {
            Some(value) => Ok(Numbers::Scalar(value, self.span_from(first))),
            None => Err(self.unexpected("a number, a list of numbers or `file(\"path\", \"key\")`")),
        }
    }

    /// `NAME` or `NAME = EXPRESSION`; `first` is where the whole export starts.
    fn export_body(&mut self, first: usize) -> Parse<Export<'a>> {
        let name = self.compound_ident("the name to export")?;
        let transform = if self.eat(b'=') { self.transform()? } else { TransformExpr::Name(name) };
        if let TransformExpr::Value(_, span) = transform {
            return Err(Diagnostic::error("expected a function to export, found a value").at(span));
        }
        Ok(Export { name, transform, span: self.span_from(first) })
    }

    fn transform(&mut self) -> Parse<TransformExpr<'a>> {
        let token = self.peek();
        let is_value =
            token.kind != TokenKind::Word || matches!(self.text_of(token), "None" | "True" | "False");
        if is_value {
            let (value, span) = self.argument_value()?;
            return Ok(TransformExpr::Value(value, span));
        }
        let first = self.at;
        let name = self.compound_ident("a function")?;
        if self.is_punct(self.at, b'(') {
            self.transform_call(first, name)
        } else {
            Ok(TransformExpr::Name(name))
        }
    }

    fn transform_call(&mut self, first: usize, transform: Ident<'a>) -> Parse<TransformExpr<'a>> {
        self.expect(b'(', "after the transformation")?;
        let (mut arguments, mut keywords) = (Vec::new(), Vec::new());
        let mut seen = HashMap::new();
        while !self.eat(b')') {
            if self.is_any_word(self.at) && self.is_punct(self.at + 1, b'=') {
                let key = self.ident("a keyword")?;
                self.at += 1;
                let (value, span) = self.argument_value()?;
                if let Some(earlier) = seen.insert(key.text, key.span) {
                    return Err(Diagnostic::error(format!("the keyword `{}` is given twice", key.text))
                        .at(key.span)
                        .label(earlier, "first here"));
                }
                keywords.push(Param { key, value, span });
            } else if keywords.is_empty() {
                arguments.push(self.transform()?);
            } else {
                return Err(self.unexpected("a keyword argument, since others stand before"));
            }
            if !self.is_punct(self.at, b')') {
                self.expect(b',', "or `)` after an argument")?;
            }
        }
        Ok(TransformExpr::Call(TransformCall { transform, arguments, keywords, span: self.span_from(first) }))
    }

    fn argument_value(&mut self) -> Parse<(ParamValue<'a>, Span)> {
        let first = self.at;
        match self.value()? {
            Some(value) => Ok((value, self.span_from(first))),
            None => {
                self.at = first;
                Err(self.unexpected("a value such as `0`, `None` or `(None, 0)`"))
            }
        }
    }
}
