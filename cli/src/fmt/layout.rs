//! The layout: one equation per line, indentation as JAX prints it, single blanks between words.
//!
//! Only blanks and line breaks change, and `;` between equations becomes a line break. Where a word is broken into
//! lines within brackets is left to the author.

/// Lays out a whole file.
pub fn format(text: &str) -> String {
    let pieces = pieces(text);
    let mut layout = Layout::default();
    for (position, piece) in pieces.iter().enumerate() {
        layout.place(piece, &pieces[position + 1..]);
    }
    layout.finish()
}

/// A stretch of text that stays as it is.
struct Piece<'a> {
    text: &'a str,
    kind: Kind,
    // What stands before it.
    gap: Gap,
    // The position in its line. Units: bytes.
    column: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Open,
    Close,
    Semicolon,
    Comment,
    /// Anything else without a blank in it, or a string.
    Word,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    None,
    Blank,
    Line,
    /// At least one empty line.
    Lines,
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    let mut line = text;
    let mut gap = Gap::None;
    while let Some(first) = rest.chars().next() {
        if first.is_whitespace() {
            gap = match (first, gap) {
                ('\n', Gap::Line | Gap::Lines) => Gap::Lines,
                ('\n', Gap::None | Gap::Blank) => Gap::Line,
                (_, gap) => gap.max(Gap::Blank),
            };
            rest = &rest[first.len_utf8()..];
            line = if first == '\n' { rest } else { line };
            continue;
        }
        let (kind, length) = match first {
            '{' | '[' | '(' => (Kind::Open, 1),
            '}' | ']' | ')' => (Kind::Close, 1),
            ';' => (Kind::Semicolon, 1),
            '#' => (Kind::Comment, rest.find('\n').unwrap_or(rest.len())),
            _ => (Kind::Word, word_length(rest)),
        };
        let (piece, behind) = rest.split_at(length);
        let column = line.len() - rest.len();
        pieces.push(Piece { text: piece.trim_end(), kind, gap, column });
        rest = behind;
        gap = Gap::None;
    }
    pieces
}

fn word_length(text: &str) -> usize {
    let quote = text.chars().next().filter(|first| matches!(first, '\'' | '"'));
    if let Some(quote) = quote {
        // A quote without a partner on its line is an apostrophe.
        let line = text.lines().next().unwrap_or(text);
        if let Some(end) = line[1..].find(quote) {
            return end + 2;
        }
    }
    let is_end = |c: char| c.is_whitespace() || "{[(}]);#'\"".contains(c);
    let skip = usize::from(quote.is_some());
    text[skip..].find(is_end).map_or(text.len(), |end| (end + skip).max(1))
}

/// Does an equation with results start here: is there a `=` before the line ends, brackets aside?
fn has_equals_sign(piece: &Piece, rest: &[Piece]) -> bool {
    let mut depth = usize::from(piece.kind == Kind::Open);
    for piece in rest {
        match piece.kind {
            _ if depth == 0 && piece.gap >= Gap::Line => return false,
            Kind::Open => depth += 1,
            Kind::Close if depth == 0 => return false,
            Kind::Close => depth -= 1,
            Kind::Word if depth == 0 && piece.text.starts_with('=') => return true,
            Kind::Semicolon | Kind::Comment | Kind::Word => {}
        }
    }
    false
}

/// What an open bracket encloses.
#[derive(Clone, Copy)]
struct Scope {
    part: Part,
    // The indentation of the line on which the bracket stands.
    base: usize,
    // Where the equation at hand starts in its line, if it is the first in it. Units: bytes.
    equation_column: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Any bracket but that of a function.
    Bracket,
    /// `{ lambda a:f32[3]; b:f32[]. let`
    Binders,
    Equations,
    /// `in (c,)`
    Outputs,
}

#[derive(Default)]
struct Layout {
    done: String,
    line: String,
    indent: usize,
    scopes: Vec<Scope>,
    // The next piece has to start a line: a comment ends its own.
    must_break: bool,
    // Is the equation at hand still in its results? JAX breaks long lists of them into lines.
    in_results: bool,
}

impl Layout {
    fn place(&mut self, piece: &Piece, rest: &[Piece]) {
        let next = rest.first();
        let part = self.scopes.last().map(|scope| scope.part);
        let opens_outputs = next.is_some_and(|next| next.text == "(" && next.gap >= Gap::Blank);
        match (piece.kind, part) {
            (Kind::Comment, _) => self.comment(piece),
            (Kind::Semicolon, Some(Part::Equations)) => self.break_line(),
            (Kind::Word, Some(Part::Binders)) if piece.text == "let" => {
                self.append(piece, Gap::Blank);
                self.enter(Part::Equations);
                self.break_line();
            }
            (Kind::Word, Some(Part::Equations)) if piece.text == "in" && opens_outputs => {
                self.break_line();
                self.enter(Part::Outputs);
                self.append(piece, Gap::Line);
            }
            (Kind::Open, _) => self.open(piece, next),
            (Kind::Close, _) => self.close(piece, part),
            (Kind::Word, Some(Part::Equations)) => self.equation_word(piece, rest),
            (Kind::Word | Kind::Semicolon, _) => self.append(piece, piece.gap),
        }
    }

    /// A word of an equation: on a new line if it starts one. JAX breaks long lists of results and of operands.
    fn equation_word(&mut self, piece: &Piece, rest: &[Piece]) {
        let column = self.scopes.last().and_then(|scope| scope.equation_column);
        let is_deeper = column.is_some_and(|column| piece.column > column) && !has_equals_sign(piece, rest);
        let continues = !self.must_break && !self.line.is_empty() && (self.in_results || is_deeper);
        let gap = if continues { piece.gap.min(Gap::Blank) } else { piece.gap };
        self.append(piece, gap);
        let starts_line = self.line.len() == piece.text.len();
        self.in_results = (self.in_results || starts_line) && piece.text.contains(':');
        if starts_line && let Some(scope) = self.scopes.last_mut() {
            scope.equation_column = (piece.gap >= Gap::Line).then_some(piece.column);
        }
    }

    fn comment(&mut self, piece: &Piece) {
        if self.line.is_empty() || piece.gap >= Gap::Line {
            self.append(piece, piece.gap.max(Gap::Line));
        } else {
            self.line += "  ";
            self.line += piece.text;
        }
        self.must_break = true;
    }

    fn open(&mut self, piece: &Piece, next: Option<&Piece>) {
        let is_function = piece.text == "{" && next.is_some_and(|next| next.text == "lambda");
        self.append(piece, piece.gap);
        let part = if is_function { Part::Binders } else { Part::Bracket };
        self.scopes.push(Scope { part, base: self.indent, equation_column: None });
    }

    fn close(&mut self, piece: &Piece, part: Option<Part>) {
        let scope = self.scopes.pop();
        let starts_line = self.must_break || piece.gap >= Gap::Line;
        match part {
            Some(Part::Outputs | Part::Equations | Part::Binders) => {
                self.append_at(piece, if self.must_break { Gap::Line } else { Gap::Blank }, scope)
            }
            Some(Part::Bracket) | None if starts_line => self.append_at(piece, Gap::Line, scope),
            Some(Part::Bracket) | None => self.append(piece, piece.gap),
        }
    }

    fn enter(&mut self, part: Part) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.part = part;
        }
    }

    /// Appends behind `gap`, or on a new line at the indentation of the innermost bracket.
    fn append(&mut self, piece: &Piece, gap: Gap) {
        let part = self.scopes.last().map(|scope| scope.part);
        let follows_lambda = self.line.ends_with('{') && piece.text == "lambda";
        let keeps_lines = !matches!(part, Some(Part::Binders | Part::Outputs)) || self.must_break;
        let gap = match gap {
            Gap::None if follows_lambda => Gap::Blank,
            Gap::Line | Gap::Lines if !keeps_lines && piece.text != "in" => Gap::Blank,
            gap => gap,
        };
        let gap = if self.must_break { gap.max(Gap::Line) } else { gap };
        if gap >= Gap::Line {
            self.break_line();
            let is_top = self.scopes.is_empty();
            if gap == Gap::Lines && is_top && !self.done.is_empty() && !self.done.ends_with("\n\n") {
                self.done.push('\n');
            }
        }
        self.start_line();
        if gap == Gap::Blank && !self.line.is_empty() {
            self.line.push(' ');
        }
        self.line += piece.text;
    }

    /// Appends a closing bracket, on a new line at the indentation of the opening one.
    fn append_at(&mut self, piece: &Piece, gap: Gap, scope: Option<Scope>) {
        if gap >= Gap::Line {
            self.break_line();
            self.indent = scope.map_or(0, |scope| scope.base);
        } else if !self.line.is_empty() {
            self.line.push(' ');
        }
        self.line += piece.text;
        self.must_break = false;
    }

    /// Fixes the indentation of a line that is about to get its first piece.
    fn start_line(&mut self) {
        self.must_break = false;
        if self.line.is_empty() {
            self.indent = self.scopes.last().map_or(0, |scope| scope.indent());
        }
    }

    fn break_line(&mut self) {
        if !self.line.is_empty() {
            self.done.extend(std::iter::repeat_n(' ', self.indent));
            self.done += &self.line;
            self.done.push('\n');
            self.line.clear();
        }
        self.must_break = false;
    }

    fn finish(mut self) -> String {
        self.break_line();
        self.done
    }
}

impl Scope {
    /// The indentation of lines within it.
    fn indent(self) -> usize {
        self.base
            + match self.part {
                Part::Bracket | Part::Outputs => 2,
                Part::Binders | Part::Equations => 4,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::format;

    fn check(text: &str, expected: &str) {
        let formatted = format(text);
        assert_eq!(formatted, expected);
        assert_eq!(format(&formatted), expected, "not idempotent");
    }

    #[test]
    fn one_line_programs_are_unfolded() {
        check(
            "{ lambda ; a:f32[3]. let b:f32[3] = sin a; c:f32[3] = neg b in (c,) }",
            "{ lambda ; a:f32[3]. let\n    b:f32[3] = sin a\n    c:f32[3] = neg b\n  in (c,) }\n",
        );
        check("{lambda ; . let in () }", "{ lambda ; . let\n  in () }\n");
    }

    #[test]
    fn text_of_jax_stays_as_it_is() {
        let text = "let f = { lambda ; a:f32[]. let b:f32[] = sin a in (b,) } in\n";
        let unfolded = "let f = { lambda ; a:f32[]. let\n    b:f32[] = sin a\n  in (b,) } in\n";
        check(text, unfolded);
        let nested = "{ lambda ; a:f32[3]. let\n    b:f32[3] = jit[\n      name=f\n      jaxpr={ lambda ; c:f32[3]. let\n          \
                      d:f32[3] = sin c\n        in (d,) }\n    ] a\n  in (b,) }\n";
        check(nested, nested);
        let branches = "{ lambda ; a:i32[] b:f32[]. let\n    c:f32[] = cond[\n      branches=(\n        { lambda ; d:f32[]. let\n            \
                        e:f32[] = sin d\n          in (e,) }\n        { lambda ; d:f32[]. let\n          in (d,) }\n      )\n    ] a b\n  in (c,) }\n";
        check(branches, branches);
    }

    #[test]
    fn comments_and_names_are_kept() {
        check(
            "# the model\n\n\n\nconst  W:f32[2] = [1., # one\n 2.]\nlet f={ lambda ; in:f32[2]. let   # start\n b:f32[2] = sin in # file.py:3\n# alone\n\n in   (b,) }\nexport f",
            "# the model\n\nconst W:f32[2] = [1.,  # one\n  2.]\nlet f={ lambda ; in:f32[2]. let\n    # start\n    b:f32[2] = sin in  # file.py:3\n    \
             # alone\n  in (b,) }\nexport f\n",
        );
    }

    #[test]
    fn wrapped_results_are_joined() {
        check(
            "{ lambda ; a:f32[]\n    b:f32[]. let\n    c:f32[]\n      d:f32[] = f[\n      x=1\n    ] a b\n    print a\n    e:f32[] = f[y=2]\n      a b\n      c d\n    g:f32[] = sin a\n  in (c,) }",
            "{ lambda ; a:f32[] b:f32[]. let\n    c:f32[] d:f32[] = f[\n      x=1\n    ] a b\n    print a\n    e:f32[] = f[y=2] a b c d\n    g:f32[] = sin a\n  in (c,) }\n",
        );
    }

    #[test]
    fn strings_and_apostrophes_are_kept() {
        check("const W = file(\"a  b.npz\",   \"W;#\")", "const W = file(\"a  b.npz\", \"W;#\")\n");
        check("x = don't [  a ]", "x = don't [ a ]\n");
        check("é ' ü", "é ' ü\n");
    }

    #[test]
    fn no_text_panics() {
        let (mut state, alphabet) = (
            3u64,
            [
                "{", "}", "[", "]", "(", ")", ";", "#", "'", "\"", " ", "\n", "let", "in", "lambda", "é",
                "a:f32",
            ],
        );
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..20 {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                text += alphabet[(state >> 33) as usize % alphabet.len()];
            }
            format(&text);
        }
    }
}
