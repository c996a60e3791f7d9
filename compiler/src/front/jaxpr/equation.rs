//! Equations: where one starts and ends, its results, primitive and operands.

use super::lexer::TokenKind;
use super::parse::{Parse, Parser};
use super::syntax::{Atom, Equation};
use crate::diag::{Diagnostic, Span};

/// Words that are constants wherever a `:` follows, unless an equation starts with them.
pub(super) const LITERAL_WORDS: [&str; 4] = ["True", "False", "inf", "nan"];

impl<'a> Parser<'a> {
    /// All equations up to the `in` of the jaxpr.
    pub fn equations(&mut self) -> Parse<Vec<Equation<'a>>> {
        let mut equations = Vec::new();
        loop {
            while self.eat(b';') {}
            if self.is_in_keyword(self.at) {
                return Ok(equations);
            }
            if !self.is_any_word(self.at) {
                return Err(self.unexpected("an equation or `in` and the outputs"));
            }
            equations.push(self.equation()?);
        }
    }

    /// `(a, 1.0:f32[], b)`
    pub fn outputs(&mut self) -> Parse<Vec<Atom<'a>>> {
        self.expect(b'(', "before the outputs")?;
        let mut outputs = Vec::new();
        while !self.eat(b')') {
            outputs.push(self.atom()?);
            if !self.is_punct(self.at, b')') {
                self.expect(b',', "or `)` after an output")?;
            }
        }
        Ok(outputs)
    }

    fn equation(&mut self) -> Parse<Equation<'a>> {
        let first = self.at;
        self.refuse_references()?;
        let mut python = None;
        let mut binders = Vec::new();
        if self.binder_list_end(first, false).is_some_and(|end| self.is_punct(end, b'=')) {
            binders = self.binders()?;
            python = self.python_line(self.peek().start);
            self.expect(b'=', "after the results")?;
        } else if self.is_punct(first + 1, b':') {
            while self.is_any_word(self.at) && self.is_punct(self.at + 1, b':') {
                self.at += 2;
                self.aval()?;
            }
            return Err(self.unexpected("`=` and a primitive after the results"));
        }
        let primitive = self.compound_ident("the name of a primitive")?;
        let params = if self.is_adjacent(self.at, b'[') { self.params()? } else { Vec::new() };
        let mut operands = Vec::new();
        while !self.ends_equation(first) {
            operands.push(self.atom()?);
        }
        Ok(Equation { binders, primitive, params, operands, python, span: self.span_from(first) })
    }

    fn ends_equation(&mut self, first: usize) -> bool {
        match self.peek().kind {
            TokenKind::End => true,
            TokenKind::Punct(byte) => matches!(byte, b';' | b'}'),
            TokenKind::Number | TokenKind::Quoted | TokenKind::Raw => false,
            TokenKind::Word => self.is_in_keyword(self.at) || self.starts_equation(first),
        }
    }

    /// Does the word at the cursor start an equation, or is it an operand of the one that starts at `first`?
    ///
    /// JAX separates equations by newlines or `;`, but also wraps long operand lists, indented deeper than
    /// their equation. Without either, a typed variable or one before `=` can only be a result.
    fn starts_equation(&mut self, first: usize) -> bool {
        let (token, start) = (self.peek(), self.token(first));
        let word = self.text_of(token);
        let is_literal = LITERAL_WORDS.contains(&word) && self.is_punct(self.at + 1, b':');
        if !token.starts_line {
            let names_result = self.is_punct(self.at + 1, b':') || self.is_punct(self.at + 1, b'=');
            return !is_literal
                && (names_result && self.binder_list_end(self.at, false).is_some()
                    || self.is_adjacent(self.at + 1, b'['));
        }
        let column = self.tokens.column(token.start);
        let is_deeper = start.starts_line && column > self.tokens.column(start.start);
        if is_literal && is_deeper || is_truth(word) {
            return false;
        }
        let is_level = start.starts_line && column == self.tokens.column(start.start);
        self.binder_list_end(self.at, true).is_some()
            || self.is_adjacent(self.at + 1, b'[')
            || is_level && !is_literal
    }

    /// Where the `=` or `<-` behind a list of binders is, if the tokens from `at` are such a list.
    fn binder_list_end(&mut self, at: usize, remember: bool) -> Option<usize> {
        if at < self.no_binders_before {
            return None;
        }
        let column = self.tokens.column(self.token(at).start);
        let mut end = at;
        while self.is_any_word(end) && !self.is_in_keyword(end) {
            // JAX wraps long lists too, deeper than their first binder: a level line is the next equation.
            let word = self.token(end);
            if end > at && word.starts_line && self.tokens.column(word.start) <= column {
                break;
            }
            end += 1;
            if self.is_punct(end, b':') && self.is_any_word(end + 1) {
                end = self.type_end(end + 1);
            }
            // `c:f32[], b[0] <- ...` swaps a reference.
            if self.is_punct(end, b',') {
                end += 1;
            }
        }
        let found =
            self.is_punct(end, b'=') || self.is_arrow(end) || self.is_reference_access(end.saturating_sub(1));
        if !found && remember {
            self.no_binders_before = end;
        }
        (found && end > at).then_some(end)
    }

    /// The token behind the type that starts at `at`, whatever that type is.
    fn type_end(&self, at: usize) -> usize {
        let mut end = at + 1;
        if self.is_adjacent(end, b'<') {
            while !matches!(self.token(end).kind, TokenKind::Punct(b'>') | TokenKind::End) {
                end += 1;
            }
            end += 1;
        }
        while self.is_adjacent(end, b'[') || self.is_adjacent(end, b'{') {
            end = self.behind(end);
        }
        end
    }

    /// `<-`
    fn is_arrow(&self, at: usize) -> bool {
        self.is_punct(at, b'<') && self.is_adjacent(at + 1, b'-')
    }

    /// `b[...] <-` or `b[...] +=`
    fn is_reference_access(&self, at: usize) -> bool {
        if !self.is_any_word(at) || !self.is_adjacent(at + 1, b'[') {
            return false;
        }
        let end = self.behind(at + 1);
        self.is_arrow(end) || self.is_punct(end, b'+') && self.is_adjacent(end + 1, b'=')
    }

    /// Errors: the statement at the cursor reads or writes a `Ref`.
    fn refuse_references(&mut self) -> Parse<()> {
        let end = self.binder_list_end(self.at, false);
        let is_read = end.is_some_and(|end| !self.is_punct(end, b'='));
        if !is_read && !self.is_reference_access(self.at) {
            return Ok(());
        }
        Err(references_unsupported(self.span_here()))
    }

    /// A variable or a literal.
    pub fn atom(&mut self) -> Parse<Atom<'a>> {
        let token = self.peek();
        if token.kind == TokenKind::Word {
            let word = self.text_of(token);
            let is_literal =
                is_truth(word) || LITERAL_WORDS.contains(&word) && self.is_punct(self.at + 1, b':');
            if !is_literal {
                // `inf` and `nan` without a type may be variables; names are looked up later.
                return Ok(Atom::Var(self.ident("a variable")?));
            }
        }
        self.literal()
    }
}

/// Truth values are no names of variables.
fn is_truth(word: &str) -> bool {
    matches!(word, "True" | "False")
}

/// The refusal of `Ref` types and of the statements that use them.
pub(super) fn references_unsupported(span: Span) -> Diagnostic {
    Diagnostic::unsupported("mutable references (`Ref`) are not supported").at(span).hint(
        "export the function without `jax.new_ref`, or use its StableHLO text, which has references lowered",
    )
}
