//! An engine inside another program: a command of its own, a job made at run time, and the events of what happens.
//!
//!     cargo run --example embedded
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::process::ExitCode;

use crontower::model::{JobId, StateName};
use crontower::{Engine, worker_main};
use crontower::{Feed, RunOptions};
use serde_json::json;

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    // Scripts are carried out by a worker process, which is this very program, started again.
    if let Some(code) = worker_main() {
        return Ok(code);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(work())?;
    Ok(ExitCode::SUCCESS)
}

async fn work() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let engine = Engine::builder()
        .data_dir(folder.path())
        .command("greet", |context, args| async move {
            let name = args.get("name").and_then(|name| name.as_str()).unwrap_or("nobody");
            context.say(&format!("hello {name}"));
            Ok(json!({ "greeted": name }))
        })
        .start()
        .await?;

    // The command runs in this process; the script that follows it, in the worker process.
    let args = json!({ "name": "ann" });
    engine.create_job(json!({ "id": "hello", "command": "greet", "args": args })).await?;
    engine
        .create_job(json!({
            "id": "afterwards",
            "run": "echo \"said hello, attempt $CRONTOWER_ATTEMPT\"",
            "dependencies": ["hello"],
        }))
        .await?;

    let mut subscription = engine.subscribe().await?;
    let hello = engine.run_job(&JobId::new("hello")?, RunOptions::default()).await?;
    'events: loop {
        let Feed::Batch(batch) = subscription.feed.recv().await? else { continue };
        for event in &batch.events {
            println!("{:>3}  {}", event.seq, event.kind.sentence());
        }
        for execution in &batch.executions {
            if execution.job_id.as_str() == "afterwards" && execution.state.is_final() {
                let succeeded = execution.state.name() == StateName::Succeeded;
                println!("the chain has {}", if succeeded { "succeeded" } else { "failed" });
                break 'events;
            }
        }
    }
    let hello = engine.ended(hello.id).await?;
    println!("the command answered {}", hello.result.clone().unwrap_or_default());
    println!("{} jobs", engine.system_status().await?.jobs);
    engine.shutdown().await;
    Ok(())
}
