//! What people and programs ask of the world's engine.

use super::*;

impl World {
    pub(in crate::tests) fn request(&mut self, request: Request) -> Result<Answer, Refusal> {
        let actor = Actor::named("ann");
        let mut answers = self.handle(Input::Request { ticket: 1, actor, request });
        answers.pop().expect("every request is answered")
    }

    pub(in crate::tests) fn run(&mut self, job: &str) -> &mut Self {
        self.run_with(job, false)
    }

    pub(in crate::tests) fn run_with(&mut self, job: &str, force: bool) -> &mut Self {
        let job = JobId::new(job).unwrap();
        self.request(Request::Run {
            job,
            args: Vec::new(),
            force,
            with_dependencies: false,
            reason: None,
        })
        .unwrap();
        self
    }

    /// Runs a job after those of its dependencies that are not fresh, if nothing breaks.
    pub(in crate::tests) fn run_after(&mut self, job: &str) -> &mut Self {
        let (job, args) = (JobId::new(job).unwrap(), Vec::new());
        _ = self.request(Request::Run {
            job,
            args,
            force: false,
            with_dependencies: true,
            reason: None,
        });
        self
    }

    pub(in crate::tests) fn apply(&mut self, jobs: Vec<Job>) -> &mut Self {
        self.set.jobs = jobs;
        let set = Box::new(self.set.clone());
        self.request(Request::Apply(set)).unwrap();
        self
    }

    /// Puts other settings in force, as a reload does.
    pub(in crate::tests) fn configure(&mut self, change: impl FnOnce(&mut Settings)) -> &mut Self {
        change(&mut self.set.settings);
        let set = Box::new(self.set.clone());
        self.request(Request::Apply(set)).unwrap();
        self
    }

    /// The same as it would be told in the file before the next start.
    pub(in crate::tests) fn edit_settings(
        &mut self,
        change: impl FnOnce(&mut Settings),
    ) -> &mut Self {
        change(&mut self.set.settings);
        self
    }

    pub(in crate::tests) fn drain(&mut self, worker: &str, drain: bool) -> &mut Self {
        let worker = WorkerId::new(worker).unwrap();
        let reason = drain.then(|| "new disk".to_owned());
        self.request(Request::Drain { worker, drain, reason }).unwrap();
        self
    }

    pub(in crate::tests) fn set_capacity(
        &mut self,
        worker: &str,
        capacity: Option<u32>,
    ) -> &mut Self {
        let worker = WorkerId::new(worker).unwrap();
        self.request(Request::SetCapacity { worker, capacity }).unwrap();
        self
    }

    /// Runs a job if it is there and nothing breaks.
    pub(in crate::tests) fn try_run(&mut self, job: &str, force: bool) -> &mut Self {
        let job = JobId::new(job).unwrap();
        let run =
            Request::Run { job, args: Vec::new(), force, with_dependencies: false, reason: None };
        _ = self.request(run);
        self
    }

    pub(in crate::tests) fn run_again(&mut self, name: &str) -> &mut Self {
        let of = Arc::clone(&self.executions[&self.id(name)]);
        _ = self.request(Request::Retry(of));
        self
    }

    pub(in crate::tests) fn try_pause(&mut self, job: &str, for_a_while: bool) {
        let job = JobId::new(job).unwrap();
        let until = for_a_while.then(|| self.now.wall + TimeDelta::minutes(4));
        _ = self.request(Request::Pause { job, until, reason: None });
    }

    pub(in crate::tests) fn try_resume(&mut self, job: &str) {
        _ = self.request(Request::Resume(JobId::new(job).unwrap()));
    }

    pub(in crate::tests) fn try_apply(&mut self, jobs: Vec<Job>) -> &mut Self {
        let before = std::mem::replace(&mut self.set.jobs, jobs);
        let set = Box::new(self.set.clone());
        if self.request(Request::Apply(set)).is_err() {
            self.set.jobs = before;
        }
        self
    }

    pub(in crate::tests) fn cancel(&mut self, name: &str) -> &mut Self {
        let id = self.id(name);
        _ = self.request(Request::Cancel(id));
        self
    }

    pub(in crate::tests) fn try_delete(&mut self, job: &str) {
        let job = JobId::new(job).unwrap();
        _ = self.request(Request::Delete { job, if_version: None });
    }

    /// What a request is refused with.
    pub(in crate::tests) fn refused(&mut self, request: Request) -> String {
        let refused = self.request(request).expect_err("it is refused").to_string();
        self.named(&refused)
    }

    pub(in crate::tests) fn skip_next(&mut self, job: &str) -> &mut Self {
        self.request(Request::SkipNext { job: JobId::new(job).unwrap(), undo: false }).unwrap();
        self
    }

    /// What a reload to these jobs is refused with.
    pub(in crate::tests) fn refused_set(&mut self, jobs: Vec<Job>) -> String {
        let set = JobSet { jobs, ..self.set.clone() };
        self.refused(Request::Apply(Box::new(set)))
    }

    /// What the file says at the next start.
    pub(in crate::tests) fn edit_jobs(&mut self, jobs: Vec<Job>) -> &mut Self {
        self.set.jobs = jobs;
        self
    }

    pub(in crate::tests) fn put(&mut self, job: Job, expected: Expected) -> &mut Self {
        self.request(Request::Put { job: Box::new(job), expected }).unwrap();
        self
    }

    pub(in crate::tests) fn delete(&mut self, job: &str) -> &mut Self {
        let job = JobId::new(job).unwrap();
        self.request(Request::Delete { job, if_version: None }).unwrap();
        self
    }

    /// Notes that a failure was seen, until so long after the beginning.
    pub(in crate::tests) fn acknowledge(&mut self, name: &str, until: Option<&str>) -> &mut Self {
        let until = until.map(|at| self.instant(at));
        let execution = Arc::clone(&self.executions[&self.id(name)]);
        let note = Some((Some("we know".to_owned()), until));
        self.request(Request::Acknowledge { execution, note }).unwrap();
        self
    }

    /// Notes that whatever is wrong with a job was seen.
    pub(in crate::tests) fn acknowledge_job(&mut self, job: &str) -> &mut Self {
        let job = JobId::new(job).unwrap();
        let note = Some((Some("we know".to_owned()), None));
        self.request(Request::AcknowledgeJob { job, note }).unwrap();
        self
    }

    pub(in crate::tests) fn pause(&mut self, job: &str) -> &mut Self {
        let job = JobId::new(job).unwrap();
        self.request(Request::Pause { job, until: None, reason: None }).unwrap();
        self
    }

    pub(in crate::tests) fn resume(&mut self, job: &str) -> &mut Self {
        self.request(Request::Resume(JobId::new(job).unwrap())).unwrap();
        self
    }
}
