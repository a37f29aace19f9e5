//! Changed cells → the fewest bytes that paint them.
//!
//! Own rather than ratatui's crossterm back end, which hides the cursor, resets every style and
//! jumps on each frame: on an idle screen that is most of what is sent. Owns what the
//! terminal's pen is like and where it stands. Never does I/O: the bytes are taken by whoever
//! owns the terminal.

use std::convert::Infallible;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ratatui::backend::{Backend, ClearType, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use ratatui::style::{Color, Modifier};
use ratatui::text::Span;

/// What the terminal's pen looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pen {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

impl Pen {
    const PLAIN: Self = Self { fg: Color::Reset, bg: Color::Reset, modifier: Modifier::empty() };
}

/// A ratatui back end that writes into memory.
#[derive(Debug)]
pub(crate) struct Painter {
    bytes: Vec<u8>,
    size: Size,
    /// Where the cursor stands, as far as that is known.
    at: Option<Position>,
    pen: Pen,
    cursor_shown: bool,
    colours: bool,
    /// The terminal reads no UTF-8: what is not ASCII would come out as something else.
    ascii: bool,
}

impl Painter {
    /// For a terminal of that size whose cursor is hidden and whose pen is plain.
    pub(crate) const fn new(size: Size, colours: bool) -> Self {
        let bytes = Vec::new();
        Self { bytes, size, at: None, pen: Pen::PLAIN, cursor_shown: false, colours, ascii: false }
    }

    /// For a terminal that reads no UTF-8.
    pub(crate) fn in_ascii(mut self, ascii: bool) -> Self {
        self.ascii = ascii;
        self
    }

    /// The terminal has another size now.
    pub(crate) const fn resize(&mut self, size: Size) {
        self.size = size;
    }

    /// Puts a text into the user's clipboard (OSC 52): it works over SSH.
    pub(crate) fn clipboard(&mut self, text: &str) {
        self.push(&format!("\x1b]52;c;{}\x07", BASE64.encode(text)));
    }

    /// Asks the terminal to tell what the mouse does, or no longer.
    pub(crate) fn mouse(&mut self, on: bool) {
        self.push(if on { "\x1b[?1000h\x1b[?1006h" } else { "\x1b[?1006l\x1b[?1000l" });
    }

    /// What is to be sent; nothing is left behind.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    fn push(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn go_to(&mut self, to: Position) {
        if self.at == Some(to) {
            return;
        }
        let jump = match (to.x, to.y) {
            (0, 0) => "\x1b[H".to_owned(),
            (0, y) => format!("\x1b[{}H", y + 1),
            (x, y) => format!("\x1b[{};{}H", y + 1, x + 1),
        };
        let step = match self.at {
            Some(at) if at.y == to.y && to.x == at.x + 1 => "\x1b[C".to_owned(),
            Some(at) if at.y == to.y && to.x > at.x => format!("\x1b[{}C", to.x - at.x),
            _ => String::new(),
        };
        self.push(if step.is_empty() || step.len() > jump.len() { &jump } else { &step });
        self.at = Some(to);
    }

    fn dip(&mut self, cell: &Cell) {
        let colour = |colour| if self.colours { colour } else { Color::Reset };
        let pen = Pen { fg: colour(cell.fg), bg: colour(cell.bg), modifier: cell.modifier };
        if pen == self.pen {
            return;
        }
        if pen == Pen::PLAIN {
            self.push("\x1b[m");
            self.pen = pen;
            return;
        }
        let mut codes = Vec::new();
        let mut from = self.pen;
        if !(from.modifier - pen.modifier).is_empty() {
            codes.push("0".to_owned());
            from = Pen::PLAIN;
        }
        for (modifier, code) in MODIFIERS {
            if (pen.modifier - from.modifier).contains(modifier) {
                codes.push(code.to_owned());
            }
        }
        if pen.fg != from.fg {
            codes.push(colour_code(pen.fg, 30));
        }
        if pen.bg != from.bg {
            codes.push(colour_code(pen.bg, 40));
        }
        self.push(&format!("\x1b[{}m", codes.join(";")));
        self.pen = pen;
    }
}

const MODIFIERS: [(Modifier, &str); 9] = [
    (Modifier::BOLD, "1"),
    (Modifier::DIM, "2"),
    (Modifier::ITALIC, "3"),
    (Modifier::UNDERLINED, "4"),
    (Modifier::SLOW_BLINK, "5"),
    (Modifier::RAPID_BLINK, "6"),
    (Modifier::REVERSED, "7"),
    (Modifier::HIDDEN, "8"),
    (Modifier::CROSSED_OUT, "9"),
];

/// The code of a colour; `base` is 30 for the foreground, 40 for the background.
fn colour_code(colour: Color, base: u8) -> String {
    let code = match colour {
        Color::Reset => base + 9,
        Color::Black => base,
        Color::Red => base + 1,
        Color::Green => base + 2,
        Color::Yellow => base + 3,
        Color::Blue => base + 4,
        Color::Magenta => base + 5,
        Color::Cyan => base + 6,
        Color::Gray => base + 7,
        Color::DarkGray => base + 60,
        Color::LightRed => base + 61,
        Color::LightGreen => base + 62,
        Color::LightYellow => base + 63,
        Color::LightBlue => base + 64,
        Color::LightMagenta => base + 65,
        Color::LightCyan => base + 66,
        Color::White => base + 67,
        Color::Indexed(index) => return format!("{};5;{index}", base + 8),
        Color::Rgb(r, g, b) => return format!("{};2;{r};{g};{b}", base + 8),
    };
    code.to_string()
}

impl Backend for Painter {
    type Error = Infallible;

    fn draw<'a, I>(&mut self, content: I) -> Result<(), Infallible>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        for (x, y, cell) in content {
            self.go_to(Position { x, y });
            self.dip(cell);
            let symbol = cell.symbol();
            let marks = "?".repeat(Span::raw(symbol).width());
            let symbol = if self.ascii && !symbol.is_ascii() { marks.as_str() } else { symbol };
            self.push(symbol);
            // Terminals disagree about wide and joined characters, and about the last column: look
            // again after them.
            let single = symbol.chars().count() == 1 && Span::raw(symbol).width() == 1;
            let known = single && x + 1 < self.size.width;
            self.at = known.then_some(Position { x: x + 1, y });
        }
        Ok(())
    }

    fn hide_cursor(&mut self) -> Result<(), Infallible> {
        if self.cursor_shown {
            self.push("\x1b[?25l");
            self.cursor_shown = false;
        }
        Ok(())
    }

    fn show_cursor(&mut self) -> Result<(), Infallible> {
        if !self.cursor_shown {
            self.push("\x1b[?25h");
            self.cursor_shown = true;
        }
        Ok(())
    }

    fn get_cursor_position(&mut self) -> Result<Position, Infallible> {
        Ok(self.at.unwrap_or_default())
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> Result<(), Infallible> {
        self.go_to(position.into());
        Ok(())
    }

    fn clear(&mut self) -> Result<(), Infallible> {
        // Cleared cells take the pen's background: it must be plain.
        self.push("\x1b[m\x1b[2J");
        self.pen = Pen::PLAIN;
        self.at = None;
        Ok(())
    }

    fn clear_region(&mut self, _region: ClearType) -> Result<(), Infallible> {
        // Only ever asked for before a full redraw.
        self.clear()
    }

    fn size(&self) -> Result<Size, Infallible> {
        Ok(self.size)
    }

    fn window_size(&mut self) -> Result<WindowSize, Infallible> {
        Ok(WindowSize { columns_rows: self.size, pixels: Size::default() })
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::style::{Style, Styled, Stylize};
    use ratatui::text::Line;

    use super::*;

    fn paint(terminal: &mut Terminal<Painter>, line: Line<'_>) -> String {
        terminal.draw(|frame| frame.render_widget(line, frame.area())).unwrap();
        String::from_utf8(terminal.backend_mut().take()).unwrap()
    }

    #[test]
    fn an_unchanged_frame_sends_nothing_and_a_tick_sends_one_cell() {
        let mut terminal = Terminal::new(Painter::new(Size::new(20, 1), true)).unwrap();
        assert!(paint(&mut terminal, Line::from("at 14:03:18").bold()).contains("14:03:18"));
        assert_eq!(paint(&mut terminal, Line::from("at 14:03:18").bold()), "");
        assert_eq!(paint(&mut terminal, Line::from("at 14:03:19").bold()), "\x1b[1;11H9");
        assert_eq!(paint(&mut terminal, Line::from("at 14:03:19 x").bold()), "\x1b[Cx");
    }

    #[test]
    fn the_clipboard_gets_base64() {
        let mut painter = Painter::new(Size::new(20, 1), true);
        painter.clipboard("foob");
        assert_eq!(painter.take(), b"\x1b]52;c;Zm9vYg==\x07");
    }

    #[test]
    fn only_what_differs_in_style_is_said() {
        let mut terminal = Terminal::new(Painter::new(Size::new(9, 1), true)).unwrap();
        let line = Line::from_iter(["a".red(), "b".red().bold(), "c".red(), "d".into()]);
        let sent = paint(&mut terminal, line);
        assert_eq!(sent, "\x1b[H\x1b[31ma\x1b[1mb\x1b[0;31mc\x1b[md");
    }

    #[test]
    fn without_colours_only_weight_is_left() {
        let mut terminal = Terminal::new(Painter::new(Size::new(9, 1), false)).unwrap();
        let style = Style::new().fg(Color::Rgb(1, 2, 3)).on_blue();
        let sent = paint(&mut terminal, Line::from_iter(["a".set_style(style), "b".bold()]));
        assert_eq!(sent, "\x1b[Ha\x1b[1mb");
    }

    #[test]
    fn a_terminal_without_utf_8_gets_marks_of_the_same_width() {
        let painter = Painter::new(Size::new(9, 1), true).in_ascii(true);
        let mut terminal = Terminal::new(painter).unwrap();
        assert_eq!(paint(&mut terminal, Line::from("aé漢x")), "\x1b[Ha???\x1b[1;5Hx");
    }

    #[test]
    fn the_place_after_a_wide_character_is_not_taken_for_known() {
        let mut terminal = Terminal::new(Painter::new(Size::new(9, 1), true)).unwrap();
        assert_eq!(paint(&mut terminal, Line::from("漢x")), "\x1b[H漢\x1b[1;3Hx");
    }
}
