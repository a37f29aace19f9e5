//! The one list. What is not on it is no verb; what is on it must be answered everywhere: by an engine, or beside it.

use std::fmt::Debug;
use std::sync::Arc;

use crate::{
    AcknowledgeExecution, AcknowledgeJob, Authorized, CancelExecution, Command, CreateJob,
    DeleteJob, DeleteWorker, DisableJob, DrainWorker, EnableJob, PatchJob, PauseJob, ReloadJobs,
    ReplaceJob, ResumeJob, RetryExecution, RollBackJob, RunJob, SetWorkerCapacity,
    SkipNextFireTime, StopEngine, UnacknowledgeExecution, UnacknowledgeJob, UndrainWorker,
};
use crontower_model::{Execution, Now, Refusal};

macro_rules! verbs {
    (
        mutations { $($plain:ident),* $(,)? }
        mutations of an execution { $($of_one:ident),* $(,)? }
        local { $($local:ident),* $(,)? }
    ) => {
        verbs!(@all $($plain)* $($of_one)* $($local)*);
        $(
            impl Mutation for $plain {
                type Facts = ();
                async fn facts<H: History>(&self, _: &H) -> Result<(), Refusal> {
                    Ok(())
                }
                verbs!(@handled_by);
            }
            impl Listed for $plain { verbs!(@listed $plain mutation); }
        )*
        $(
            impl Mutation for $of_one {
                type Facts = Arc<Execution>;
                async fn facts<H: History>(&self, history: &H) -> Result<Self::Facts, Refusal> {
                    history.execution(&self.id).await
                }
                verbs!(@handled_by);
            }
            impl Listed for $of_one { verbs!(@listed $of_one mutation); }
        )*
        $(impl Listed for $local { verbs!(@listed $local local); })*

        /// Carries out every mutation. An engine that lacks one does not compile.
        pub trait CommandHandler: $(Handles<$plain> +)* $(Handles<$of_one> +)* {}
        impl<T> CommandHandler for T where T: $(Handles<$plain> +)* $(Handles<$of_one> +)* {}

        /// Answers every verb inside the engine's process. A handle that lacks one does not compile.
        pub trait LocalHandler: Submits + $(HandlesLocally<$local> +)* {}
        impl<T> LocalHandler for T where T: Submits + $(HandlesLocally<$local> +)* {}
    };
    (@handled_by) => {
        fn handled_by<H: CommandHandler>(
            call: Authorized<Self>,
            facts: Self::Facts,
            now: Now,
            handler: &mut H,
        ) -> Result<Self::Answer, Refusal> {
            Handles::<Self>::carry_out(handler, now, call, facts)
        }
    };
    (@all $($verb:ident)*) => {
        /// Any verb, with the place where its answer goes: what passes through an object that answers all of them.
        #[derive(Debug)]
        pub enum Call<'a> {
            $(
                #[doc = concat!("See [`", stringify!($verb), "`].")]
                $verb($verb, &'a mut Result<<$verb as Command>::Answer, Refusal>),
            )*
        }

        impl Call<'_> {
            /// Has it answered.
            pub async fn answered_by<E: Endpoint>(self, endpoint: &E) {
                match self {
                    $(Self::$verb(command, answer) => *answer = endpoint.call(command).await,)*
                }
            }
        }

        /// Shows a visitor each verb, in the order of the list.
        pub fn each<V: Visitor>(visitor: &mut V) {
            $(visitor.verb::<$verb>();)*
        }
    };
    (@listed $verb:ident $kind:ident) => {
        fn call(self, answer: &mut Result<Self::Answer, Refusal>) -> Call<'_> {
            Call::$verb(self, answer)
        }
        verbs!(@$kind);
    };
    (@mutation) => {
        fn answer_locally<H: LocalHandler>(
            call: Authorized<Self>,
            handler: &H,
        ) -> impl Future<Output = Result<Self::Answer, Refusal>> + Send {
            handler.submit(call)
        }
    };
    (@local) => {
        fn answer_locally<H: LocalHandler>(
            call: Authorized<Self>,
            handler: &H,
        ) -> impl Future<Output = Result<Self::Answer, Refusal>> + Send {
            HandlesLocally::<Self>::answer(handler, call)
        }
    };
}

verbs! {
    // By the engine, which needs to know nothing else.
    mutations {
        RunJob, PauseJob, ResumeJob, SkipNextFireTime, AcknowledgeJob, UnacknowledgeJob,
        DrainWorker, UndrainWorker, SetWorkerCapacity, DeleteWorker,
    }
    // By the engine, which must know the execution that is meant.
    mutations of an execution {
        CancelExecution, RetryExecution, AcknowledgeExecution, UnacknowledgeExecution,
    }
    // By the handle itself.
    local {
        CreateJob, ReplaceJob, PatchJob, DeleteJob, EnableJob, DisableJob, RollBackJob, ReloadJobs,
        StopEngine,
    }
}

/// A verb that is on the list.
pub trait Listed: Command {
    /// The verb and the place of its answer, as one of all verbs.
    fn call(self, answer: &mut Result<Self::Answer, Refusal>) -> Call<'_>;

    /// Answers it inside the engine's process: a mutation by the engine, anything else from where it is kept.
    fn answer_locally<H: LocalHandler>(
        call: Authorized<Self>,
        handler: &H,
    ) -> impl Future<Output = Result<Self::Answer, Refusal>> + Send;
}

/// A verb that the engine itself carries out.
pub trait Mutation: Listed {
    /// What the engine must know beside the verb, as it does not keep it in memory.
    type Facts: Clone + Debug + Send + 'static;

    /// Looks the facts up.
    fn facts<H: History>(
        &self,
        history: &H,
    ) -> impl Future<Output = Result<Self::Facts, Refusal>> + Send;

    /// Has it carried out by whoever carries out all of them.
    ///
    /// # Errors
    /// Why it is refused.
    fn handled_by<H: CommandHandler>(
        call: Authorized<Self>,
        facts: Self::Facts,
        now: Now,
        handler: &mut H,
    ) -> Result<Self::Answer, Refusal>;
}

/// What is kept outside of the engine.
pub trait History: Sync {
    /// The execution whose id begins or ends with `part`.
    fn execution(&self, part: &str)
    -> impl Future<Output = Result<Arc<Execution>, Refusal>> + Send;
}

/// Carries this verb out: the engine does.
pub trait Handles<C: Mutation> {
    /// Carries it out, or says why not.
    ///
    /// # Errors
    /// Why it is refused.
    fn carry_out(
        &mut self,
        now: Now,
        call: Authorized<C>,
        facts: C::Facts,
    ) -> Result<C::Answer, Refusal>;
}

/// Answers this verb beside the engine: from the store, or by writing a file.
pub trait HandlesLocally<C: Listed> {
    /// Answers it, or says why not.
    fn answer(
        &self,
        call: Authorized<C>,
    ) -> impl Future<Output = Result<C::Answer, Refusal>> + Send;
}

/// Hands mutations to the engine, inside its process.
pub trait Submits: Sync {
    /// Has it carried out; the answer comes once it is kept.
    fn submit<C: Mutation>(
        &self,
        call: Authorized<C>,
    ) -> impl Future<Output = Result<C::Answer, Refusal>> + Send;
}

/// Whoever answers every verb: the handle inside the engine's process, the client from any other.
pub trait Endpoint: Send + Sync {
    /// Asks a verb.
    fn call<C: Listed>(
        &self,
        command: C,
    ) -> impl Future<Output = Result<C::Answer, Refusal>> + Send;
}

/// Does something for each verb.
pub trait Visitor {
    /// Does it for this one.
    fn verb<C: Listed>(&mut self);
}
