//! The loop: keys, the feed, answers and the clock become messages; commands are carried out;
//! frames are sent.
//!
//! Owns when something is drawn: a key at once, events at most 30 times a second, the clock once a
//! second, and never while the last frame is still on its way to a slow terminal. Never decides
//! what a message means.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::Timelike;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::message::{Answer, Command, Editing, EditorEnd, Message, Request};
use super::model::Model;
use super::options::{Exit, Hosting, TuiError, TuiOptions};
use super::terminal::{Decoder, News, Painter, Terminal, Typed, in_screen};
use super::theme::{Charset, Colours};
use super::update::{settle, update};
use super::{perform, view};
use crate::driver::{Door, Feed, Subscription};

/// Between two frames that only events ask for.
const FRAME: Duration = Duration::from_millis(33);
/// How long a lone Esc is waited for to become a sequence.
const ESCAPE: Duration = Duration::from_millis(25);
/// Between two attempts to find an engine that has gone.
const RETRY: Duration = Duration::from_secs(2);
/// How long requests that are under way are waited for at the end.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(500);
/// Requests that may be under way at once.
const MOST_REQUESTS: usize = 64;

/// Shows the engine behind the door until the user leaves, the terminal goes, or `options.stop` is
/// set.
///
/// # Errors
/// When there is no terminal, or the engine does not answer at the start.
pub(crate) async fn run(door: Arc<dyn Door>, options: TuiOptions) -> Result<Exit, TuiError> {
    show(door, options, Box::new(Terminal::open)).await
}

/// As [`run`], on a terminal of the caller's.
pub(crate) async fn show(
    door: Arc<dyn Door>,
    options: TuiOptions,
    open: Open,
) -> Result<Exit, TuiError> {
    let subscription = door.subscribe().await?;
    let signals = Signals::new(options.hosting)?;
    let terminal = open()?;
    let session = Session::new(door, &options, subscription, (terminal, open));
    Ok(in_screen(session.drive(options, signals)).await)
}

/// Takes the terminal: at the start, and again after an editor had it.
pub(crate) type Open = Box<dyn Fn() -> Result<Terminal, TuiError> + Send>;

/// Signals that are about the terminal.
struct Signals {
    resized: Signal,
    hung_up: Signal,
    continued: Signal,
    /// Taken so that it stops nothing: an engine in this process must not be suspended.
    _suspended: Option<Signal>,
}

impl Signals {
    fn new(hosting: Hosting) -> Result<Self, TuiError> {
        let listen =
            |kind| signal(kind).map_err(|source| TuiError::Terminal { doing: "watch", source });
        Ok(Self {
            resized: listen(SignalKind::window_change())?,
            hung_up: listen(SignalKind::hangup())?,
            continued: listen(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?,
            _suspended: match hosting {
                Hosting::ThisProcess => {
                    Some(listen(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()))?)
                }
                Hosting::Elsewhere => None,
            },
        })
    }
}

/// What a background task reports.
enum Report {
    Answer(Answer),
    /// The engine answered with a fresh picture, or did not.
    Subscribed(Result<Subscription, crate::model::Refusal>),
    /// An editor has ended.
    Edited(Box<Editing>, EditorEnd),
}

/// Everything that the loop holds.
struct Session {
    door: Arc<dyn Door>,
    clock: fn() -> chrono::DateTime<chrono::Utc>,
    model: Model,
    /// `None` while an editor has it.
    terminal: Option<Terminal>,
    open: Open,
    editor: Option<String>,
    editing: Arc<AtomicBool>,
    screen: ratatui::Terminal<Painter>,
    decoder: Decoder,
    feed: Option<broadcast::Receiver<Feed>>,
    tasks: JoinSet<()>,
    reports: mpsc::Sender<Report>,
    inbox: mpsc::Receiver<Report>,
    /// Something changed since the last frame.
    dirty: bool,
    /// The next frame is not drawn before.
    frame_at: Instant,
    /// The last frame is still on its way.
    writing: bool,
    escape_at: Option<Instant>,
    subscribe_at: Option<Instant>,
    exit: Option<Exit>,
}

impl Session {
    fn new(
        door: Arc<dyn Door>,
        options: &TuiOptions,
        subscription: Subscription,
        (terminal, open): (Terminal, Open),
    ) -> Self {
        let mut model = Model::new(options, (options.clock)(), subscription.snapshot);
        model.size = terminal.size();
        let painter = Painter::new(model.size, options.colours != Colours::None)
            .in_ascii(options.charset == Charset::Ascii);
        let Ok(mut screen) = ratatui::Terminal::new(painter);
        if model.mouse {
            screen.backend_mut().mouse(true);
        }
        let (reports, inbox) = mpsc::channel(MOST_REQUESTS);
        Self {
            door,
            clock: options.clock,
            model,
            terminal: Some(terminal),
            open,
            editor: options.editor.clone(),
            editing: Arc::clone(&options.editing),
            screen,
            decoder: Decoder::default(),
            feed: Some(subscription.feed),
            tasks: JoinSet::new(),
            reports,
            inbox,
            dirty: true,
            frame_at: Instant::now(),
            // The entry into the screen is on its way.
            writing: true,
            escape_at: None,
            subscribe_at: None,
            exit: None,
        }
    }

    async fn drive(mut self, options: TuiOptions, mut signals: Signals) -> Exit {
        let mut tick_at = self.next_tick();
        loop {
            tokio::select! {
                biased;
                () = options.stop.cancelled() => return Exit::Cancelled,
                news = news(&mut self.terminal) => self.on_news(news),
                () = maybe(self.escape_at) => self.on_lone_escape(),
                _ = signals.resized.recv() => self.on_resize(),
                _ = signals.hung_up.recv() => self.exit = Some(Exit::TerminalLost),
                _ = signals.continued.recv() => self.repaint(),
                () = sleep_until(self.frame_at), if self.may_draw() => self.draw(),
                () = sleep_until(tick_at) => {
                    self.take(Message::Tick((self.clock)()));
                    tick_at = self.next_tick();
                }
                Some(report) = self.inbox.recv() => self.on_report(report),
                said = hear(&mut self.feed) => self.on_feed(said),
                () = maybe(self.subscribe_at) => self.subscribe(),
                Some(_) = self.tasks.join_next() => {}
            }
            if let Some(exit) = self.exit {
                self.finish().await;
                return exit;
            }
        }
    }

    const fn may_draw(&self) -> bool {
        self.dirty && !self.writing && self.terminal.is_some()
    }

    /// What was asked for just before leaving still goes out.
    async fn finish(&mut self) {
        let all = async { while self.tasks.join_next().await.is_some() {} };
        // An engine that does not answer must not keep anyone here.
        let _ = tokio::time::timeout(SHUTDOWN_TIMEOUT, all).await;
    }

    /// Just after the wall clock's next second, so that the clock on screen does not lag.
    fn next_tick(&self) -> Instant {
        let into = u64::from((self.clock)().nanosecond() % 1_000_000_000);
        Instant::now() + Duration::from_nanos(1_002_000_000 - into)
    }

    fn take(&mut self, message: Message) {
        let commands = update(&mut self.model, message);
        self.carry_out(commands);
        self.dirty = true;
    }

    fn carry_out(&mut self, commands: Vec<Command>) {
        for command in commands {
            match command {
                Command::Quit(exit) => self.exit = Some(exit),
                Command::Copy(text) => self.copy(&text),
                Command::Subscribe => self.subscribe(),
                Command::Edit(editing) => self.edit(editing),
                Command::Repaint => self.repaint(),
                Command::Suspend => self.suspend(),
                Command::Mouse(on) => self.screen.backend_mut().mouse(on),
                Command::Ask(request) => self.ask(request),
            }
        }
    }

    fn ask(&mut self, request: Request) {
        // What the screen reads for itself it asks for one at a time.
        if request.is_action() && self.tasks.len() >= MOST_REQUESTS {
            let commands = update(&mut self.model, Message::Answer(Answer::Busy));
            debug_assert!(commands.is_empty());
            return;
        }
        let (door, reports) = (Arc::clone(&self.door), self.reports.clone());
        self.tasks.spawn(async move {
            let answer = perform::perform(&door, request).await;
            // The loop has ended: nobody waits for it.
            let _ = reports.send(Report::Answer(answer)).await;
        });
    }

    fn subscribe(&mut self) {
        self.subscribe_at = None;
        self.feed = None;
        let (door, reports) = (Arc::clone(&self.door), self.reports.clone());
        self.tasks.spawn(async move {
            let _ = reports.send(Report::Subscribed(door.subscribe().await)).await;
        });
    }

    fn on_report(&mut self, report: Report) {
        match report {
            Report::Answer(answer) => self.take(Message::Answer(answer)),
            Report::Subscribed(Ok(Subscription { snapshot, feed })) => {
                self.feed = Some(feed);
                self.take(Message::Subscribed(Box::new(snapshot)));
            }
            Report::Subscribed(Err(refusal)) => self.lost_engine(refusal.to_string()),
            Report::Edited(editing, end) => self.on_edited(*editing, end),
        }
    }

    /// Gives the terminal to an editor; what the engine says meanwhile is taken in, but not drawn.
    fn edit(&mut self, editing: Box<Editing>) {
        // Its threads end with it, so that no key goes astray.
        self.terminal = None;
        self.editing.store(true, Ordering::Relaxed);
        let (editor, reports) = (self.editor.clone(), self.reports.clone());
        let here = self.model.is_here();
        self.tasks.spawn(async move {
            let edited = tokio::task::spawn_blocking(move || {
                let end = super::editor::edit(&editing, editor.as_deref(), here);
                Report::Edited(editing, end)
            });
            if let Ok(report) = edited.await {
                let _ = reports.send(report).await;
            }
        });
    }

    fn on_edited(&mut self, editing: Editing, end: EditorEnd) {
        self.editing.store(false, Ordering::Relaxed);
        if self.reopen() {
            self.take(Message::Edited(editing, end));
        }
    }

    /// Gives the terminal to the shell, and takes it again when the shell continues this process. Where
    /// no shell could, the system ignores the signal, and the screen is back at once.
    fn suspend(&mut self) {
        self.terminal = None;
        let own = rustix::process::getpid();
        // Nothing else can be done about a signal to oneself that is refused.
        let _ = rustix::process::kill_process(own, rustix::process::Signal::TSTP);
        self.reopen();
        self.take(Message::Tick((self.clock)()));
    }

    /// Takes the terminal again after something else had it; `false` = it is gone.
    fn reopen(&mut self) -> bool {
        let Ok(terminal) = (self.open)() else {
            self.exit = Some(Exit::TerminalLost);
            return false;
        };
        let painter = Painter::new(terminal.size(), self.model.theme.has_colours())
            .in_ascii(self.model.theme.is_ascii());
        let Ok(mut screen) = ratatui::Terminal::new(painter);
        if self.model.mouse {
            screen.backend_mut().mouse(true);
        }
        (self.screen, self.decoder) = (screen, Decoder::default());
        self.terminal = Some(terminal);
        self.writing = true;
        self.on_resize();
        true
    }

    fn lost_engine(&mut self, why: String) {
        self.feed = None;
        self.subscribe_at = Some(Instant::now() + RETRY);
        self.take(Message::Disconnected(why));
    }

    fn on_feed(&mut self, said: Result<Feed, broadcast::error::RecvError>) {
        match said {
            Ok(Feed::Stopped) => self.lost_engine("it stopped".to_owned()),
            Ok(feed) => self.take(Message::Feed(feed)),
            Err(broadcast::error::RecvError::Lagged(count)) => self.take(Message::Lagged(count)),
            Err(broadcast::error::RecvError::Closed) => {
                self.lost_engine("the connection was closed".to_owned());
            }
        }
    }

    fn on_news(&mut self, news: Option<News>) {
        match news {
            Some(News::Bytes(bytes)) => {
                let typed = self.decoder.feed(&bytes);
                self.on_typed(typed);
                let waiting = self.decoder.is_waiting();
                self.escape_at = waiting.then(|| Instant::now() + ESCAPE);
            }
            Some(News::Written) => self.writing = false,
            Some(News::Lost) | None => self.exit = Some(Exit::TerminalLost),
        }
        // Keys that are there already belong to the same frame.
        if self.exit.is_none()
            && let Some(more) = self.terminal.as_mut().and_then(Terminal::news_now)
        {
            self.on_news(Some(more));
        }
    }

    fn on_typed(&mut self, typed: Vec<Typed>) {
        for typed in typed {
            self.take(match typed {
                Typed::Key(key) => Message::Key(key),
                Typed::Paste(text) => Message::Paste(text),
                Typed::Mouse(what, x, y) => Message::Mouse(what, x, y),
            });
            if self.exit.is_some() {
                return;
            }
            self.frame_at = Instant::now();
        }
    }

    fn on_lone_escape(&mut self) {
        self.escape_at = None;
        let typed = self.decoder.flush().into_iter().collect();
        self.on_typed(typed);
    }

    fn on_resize(&mut self) {
        let Some(size) = self.terminal.as_ref().map(Terminal::size) else {
            return;
        };
        self.screen.backend_mut().resize(size);
        self.take(Message::Resize(size.width, size.height));
        self.frame_at = Instant::now();
    }

    fn repaint(&mut self) {
        let Some(terminal) = &self.terminal else {
            return;
        };
        terminal.retake();
        if self.model.mouse {
            self.screen.backend_mut().mouse(true);
        }
        let Ok(()) = self.screen.clear();
        self.on_resize();
    }

    fn copy(&mut self, text: &str) {
        self.screen.backend_mut().clipboard(text);
    }

    fn draw(&mut self) {
        let rows = view::layer_rows(&self.model);
        let commands = settle(&mut self.model, rows);
        self.carry_out(commands);
        let Ok::<_, Infallible>(_) = self.screen.draw(|frame| view::view(&self.model, frame));
        self.dirty = false;
        self.frame_at = Instant::now() + FRAME;
        let bytes = self.screen.backend_mut().take();
        if !bytes.is_empty() {
            self.writing = self.terminal.as_ref().is_some_and(|it| it.send(bytes));
        }
    }
}

/// Waits until then, or for ever.
async fn maybe(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// The next news of the terminal, while it is here.
async fn news(terminal: &mut Option<Terminal>) -> Option<News> {
    match terminal {
        Some(terminal) => terminal.news().await,
        None => std::future::pending().await,
    }
}

/// The next message of the feed, while there is one.
async fn hear(
    feed: &mut Option<broadcast::Receiver<Feed>>,
) -> Result<Feed, broadcast::error::RecvError> {
    match feed {
        Some(feed) => feed.recv().await,
        None => std::future::pending().await,
    }
}
