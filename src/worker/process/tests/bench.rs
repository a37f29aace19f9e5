//! A worker process inside the test's own, and an engine made of a socket.

use super::*;

pub(super) const TEST_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) struct Worker {
    pub(super) dir: tempfile::TempDir,
    pub(super) runtime: Option<Runtime>,
    serving: Option<JoinHandle<Result<(), WorkerError>>>,
    pub(super) idle_grace: Duration,
    pub(super) registry: Registry,
    pub(super) start_timeout: Duration,
}

impl Worker {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let idle_grace = Duration::from_secs(3600);
        let registry = Registry::default();
        let start_timeout = TEST_TIMEOUT;
        Self { dir, runtime: None, serving: None, idle_grace, registry, start_timeout }
    }

    pub(super) fn up() -> Self {
        let mut worker = Self::new();
        worker.serve();
        worker
    }

    pub(super) fn options(&self) -> ServeOptions {
        let path = std::env::var_os("PATH").unwrap_or_default();
        ServeOptions {
            data_dir: self.dir.path().to_owned(),
            registry: self.registry.clone(),
            idle_grace: self.idle_grace,
            environment: vec![("PATH".into(), path), ("INHERITED".into(), "yes".into())],
            start_timeout: self.start_timeout,
            alone: false,
        }
    }

    pub(super) fn serve(&mut self) {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        self.serving = Some(runtime.spawn(serve(self.options())));
        self.runtime = Some(runtime);
    }

    /// As after a kill -9: nothing is cleaned up, its commands go on.
    pub(super) fn die(&mut self) {
        let runtime = self.runtime.take().unwrap();
        self.serving.take().unwrap().abort();
        runtime.shutdown_timeout(TEST_TIMEOUT);
    }

    /// Waits until it has ended by itself.
    pub(super) fn ended(&mut self) -> Result<(), WorkerError> {
        let serving = self.serving.take().unwrap();
        let runtime = self.runtime.take().unwrap();
        runtime
            .block_on(async { tokio::time::timeout(TEST_TIMEOUT, serving).await })
            .unwrap()
            .unwrap()
    }

    pub(super) fn connect(&self) -> Engine {
        let begin = Clock.now().monotonic;
        loop {
            if let Ok(stream) = UnixStream::connect(self.dir.path().join("worker.sock")) {
                stream.set_read_timeout(Some(TEST_TIMEOUT)).unwrap();
                return Engine { stream };
            }
            assert!(Clock.now().monotonic - begin < TEST_TIMEOUT, "the socket did not open");
            std::thread::yield_now();
        }
    }

    pub(super) fn engine(&self) -> Engine {
        let mut engine = self.connect();
        assert_eq!(engine.hello(), (vec![], vec![]));
        engine
    }

    pub(super) fn run(&self, assignment: Assignment) -> (Ended, String) {
        let key = assignment.key;
        let mut engine = self.connect();
        engine.hello();
        engine.start(&assignment);
        let ended = engine.ended(key);
        (ended, output(self.dir.path(), key))
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(TEST_TIMEOUT);
        }
        // A test that fails leaves no process either.
        let described = Journal::replay(self.dir.path()).unwrap_or_default();
        let left = Recovered::of(described, &clock::boot_id());
        for group in left.running().iter().filter_map(|it| i32::try_from(it.pid?).ok()) {
            crate::worker::processes::signal_group(group, rustix::process::Signal::KILL);
        }
        recovery::end(left.orphans, drop);
    }
}

pub(super) struct Engine {
    pub(super) stream: UnixStream,
}

impl Engine {
    pub(super) fn send(&mut self, message: &ToWorker) {
        let mut bytes = Vec::new();
        frames::encode(message, &mut bytes).unwrap();
        self.stream.write_all(&bytes).unwrap();
    }

    pub(super) fn start(&mut self, assignment: &Assignment) {
        self.send(&ToWorker::Start(Box::new(assignment.clone())));
    }

    /// The next message; `None` at the end of the connection.
    pub(super) fn next(&mut self) -> Option<FromWorker> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length).ok()?;
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        self.stream.read_exact(&mut frame).ok()?;
        Some(frames::decode(&frame).unwrap())
    }

    /// The next message that tells of an attempt.
    pub(super) fn news(&mut self) -> Option<FromWorker> {
        loop {
            match self.next() {
                Some(FromWorker::Heartbeat | FromWorker::OutputGrew { .. }) => {}
                other => return other,
            }
        }
    }

    pub(super) fn hello(&mut self) -> (Vec<Running>, Vec<Ended>) {
        self.send(&ToWorker::Hello { version: VERSION, environment: None });
        match self.news() {
            Some(FromWorker::Hello { version: VERSION, running, ended, .. }) => (running, ended),
            other => panic!("not a hello: {other:?}"),
        }
    }

    pub(super) fn started(&mut self, key: AttemptKey) -> Running {
        loop {
            match self.news().expect("the connection ended") {
                FromWorker::Started(running) if running.key == key => return running,
                _ => {}
            }
        }
    }

    pub(super) fn ended(&mut self, key: AttemptKey) -> Ended {
        loop {
            match self.news().expect("the connection ended") {
                FromWorker::Ended(ended) if ended.key == key => return *ended,
                _ => {}
            }
        }
    }
}
