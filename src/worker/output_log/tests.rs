//! Written by one side, read by the other.

use std::fs;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::*;
use crate::commands::OutputSink as _;
use crate::model::AttemptKey;
use crate::model::{OutputChunk, Stream};

fn key() -> AttemptKey {
    AttemptKey { execution_id: "0192f0c123457abc8def0123456789ab".parse().unwrap(), attempt: 1 }
}

struct Bench {
    dir: tempfile::TempDir,
    writer: OutputWriter,
    news: mpsc::UnboundedReceiver<u64>,
}

fn bench() -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let (tell, news) = mpsc::unbounded_channel();
    let grew = Box::new(move |_, bytes| tell.send(bytes).unwrap_or_default());
    let writer = OutputWriter::start(dir.path(), grew).unwrap();
    Bench { dir, writer, news }
}

impl Bench {
    fn read(&self, from: u64, max: u64) -> OutputChunk {
        read_output(self.dir.path(), key(), from, max).unwrap()
    }

    /// Everything, in chunks of at most `max`, as text with the streams' letters.
    fn text(&self, max: u64) -> String {
        let (mut text, mut from) = (String::new(), 0);
        loop {
            let chunk = self.read(from, max);
            assert!(chunk.next > from || chunk.at_end, "a chunk that leads nowhere at {from}");
            for line in chunk.lines {
                let letter = match line.stream {
                    Stream::Stdout => 'o',
                    Stream::Stderr => 'e',
                    Stream::Gap => 'g',
                };
                let end = if line.complete { "\n" } else { "~\n" };
                text += &format!("{letter} {}{end}", String::from_utf8_lossy(&line.text));
            }
            from = chunk.next;
            if chunk.at_end {
                return text;
            }
        }
    }

    async fn write(&self, limit: u64, writes: &[(Stream, &str)]) -> Arc<OutputLog> {
        let log = self.writer.log(key(), limit);
        for (stream, text) in writes {
            log.write(*stream, text.as_bytes());
        }
        log.settle().await;
        log
    }
}

#[tokio::test]
async fn lines_come_back_with_stream_and_order() {
    let mut bench = bench();
    let out = Stream::Stdout;
    let writes = [(out, "one\ntw"), (Stream::Stderr, "oops\n"), (out, "o\n\nlast")];
    bench.write(1 << 20, &writes).await;
    let expected = "o one\ne oops\no two\no \no last~\n";
    assert_eq!(bench.text(1 << 20), expected);
    assert_eq!(bench.text(1), expected);
    let end = bench.read(0, 1 << 20).next;
    while bench.news.recv().await != Some(end) {}
}

#[tokio::test]
async fn an_attempt_without_output_has_no_file() {
    let bench = bench();
    bench.write(1 << 20, &[(Stream::Stdout, "")]).await;
    assert!(!bench.dir.path().join("output").exists());
    assert_eq!(bench.read(0, 1), OutputChunk { lines: Vec::new(), next: 0, at_end: true });
    remove_output(bench.dir.path(), key()).unwrap();
}

#[tokio::test]
async fn what_fits_the_limit_is_whole_and_what_does_not_has_head_and_tail() {
    for (count, gap) in [(100u32, false), (101, true), (1_000, true)] {
        let bench = bench();
        let lines: Vec<String> = (0..count).map(|n| format!("line {n:04}\n")).collect();
        let writes: Vec<_> = lines.iter().map(|line| (Stream::Stdout, line.as_str())).collect();
        bench.write(1_000, &writes).await;
        let text = bench.text(64);
        assert_eq!(text, bench.text(1 << 20));
        assert!(text.starts_with("o line 0000\n") && text.contains("o line 0049\n"), "{text}");
        assert!(text.ends_with(&format!("o line {:04}\n", count - 1)), "{text}");
        assert_eq!(text.contains("bytes left out"), gap, "{count}");
        let kept = text.lines().filter(|line| line.starts_with('o')).count();
        assert!(if gap { (90..=100).contains(&kept) } else { kept == 100 }, "{kept}");
        remove_output(bench.dir.path(), key()).unwrap();
        let shard = bench.dir.path().join("output/ab");
        assert_eq!(fs::read_dir(shard).unwrap().count(), 0);
    }
}

#[tokio::test]
async fn a_limit_of_nothing_keeps_nothing() {
    let bench = bench();
    bench.write(0, &[(Stream::Stdout, "x\n")]).await;
    assert_eq!(bench.text(10), "");
}

#[tokio::test]
async fn a_long_line_is_cut_and_can_be_put_together_again() {
    let bench = bench();
    let long = "x".repeat(200_000) + "\n";
    bench.write(10 << 20, &[(Stream::Stdout, &long)]).await;
    let chunk = bench.read(0, 1 << 20);
    let complete: Vec<bool> = chunk.lines.iter().map(|line| line.complete).collect();
    assert_eq!(complete, [false, false, false, true]);
    assert_eq!(chunk.lines.iter().map(|line| line.text.len()).sum::<usize>(), 200_000);
}

#[tokio::test]
async fn reading_goes_on_where_it_stopped_while_more_is_written() {
    let bench = bench();
    let log = bench.write(1 << 20, &[(Stream::Stdout, "one\n")]).await;
    let first = bench.read(0, 1 << 20);
    assert!(first.at_end);
    log.write(Stream::Stdout, b"two\n");
    log.settle().await;
    let second = bench.read(first.next, 1 << 20);
    assert_eq!(second.lines.len(), 1);
    assert_eq!(second.lines[0].text, b"two");
}

#[tokio::test]
async fn garbage_on_disk_is_shown_as_a_gap() {
    let bench = bench();
    bench.write(1 << 20, &[(Stream::Stdout, "one\n")]).await;
    let path = bench.dir.path().join("output/ab/0192f0c123457abc8def0123456789ab.1");
    let mut content = fs::read(&path).unwrap();
    content.extend_from_slice(&[0xff; 1_000]);
    fs::write(&path, &content).unwrap();
    assert_eq!(bench.text(1 << 20), "o one\ng 1000 bytes cannot be read\n");
    assert!(bench.text(3).starts_with("o one\ng "));
    // Half a block at the end is one that is being written.
    content.truncate(content.len() - 1_000);
    content.extend_from_slice(b"@1 o 100\nabc");
    fs::write(&path, &content).unwrap();
    assert_eq!(bench.text(1 << 20), "o one\n");
    // An offset that no chunk named.
    assert!(bench.read(3, 100).lines.iter().all(|line| line.stream == Stream::Gap));
    assert!(bench.read(u64::MAX, 100).at_end);
}

#[tokio::test]
async fn a_disk_that_takes_nothing_costs_the_output_and_nothing_else() {
    let bench = bench();
    fs::write(bench.dir.path().join("output"), "in the way").unwrap();
    let log = bench.write(1 << 20, &[(Stream::Stdout, "lost\n")]).await;
    assert_eq!(log.lost(), 5);
    fs::remove_file(bench.dir.path().join("output")).unwrap();
    log.write(Stream::Stdout, b"kept\n");
    log.settle().await;
    assert_eq!(log.lost(), 5);
    let text = bench.text(1 << 20);
    assert!(text.starts_with("g 5 bytes of output were lost: "), "{text}");
    assert!(text.ends_with("o kept\n"), "{text}");
}

#[tokio::test]
async fn news_are_few() {
    let mut bench = bench();
    let log = bench.writer.log(key(), 10 << 20);
    for _ in 0..2_000 {
        log.write(Stream::Stdout, b"line\n");
        log.settle().await;
    }
    let end = bench.read(0, 10 << 20).next;
    let mut count = 0;
    while bench.news.recv().await != Some(end) {
        count += 1;
    }
    assert!(count < 100, "{count}");
}

#[tokio::test]
async fn a_closed_log_takes_nothing() {
    let bench = bench();
    let log = bench.write(1 << 20, &[(Stream::Stdout, "one\n")]).await;
    log.close();
    log.write(Stream::Stdout, b"two\n");
    log.settle().await;
    assert_eq!(bench.text(100), "o one\n");
}

/// Reads a chunk after the other, as `logs` does; fails where a chunk leads nowhere.
fn read_to_the_end(bench: &Bench, max_bytes: u64) -> Vec<String> {
    let (mut from, mut lines) = (0, Vec::new());
    for _ in 0..10_000 {
        let chunk = bench.read(from, max_bytes);
        assert!(chunk.next >= from, "the reader goes back: {} after {from}", chunk.next);
        assert!(chunk.next > from || chunk.at_end, "the reader stands still at {from}");
        let text =
            |line: &crate::model::OutputLine| String::from_utf8_lossy(&line.text).into_owned();
        lines.extend(chunk.lines.iter().map(text));
        if chunk.next == from {
            return lines;
        }
        from = chunk.next;
    }
    panic!("the reader does not come to an end");
}

#[tokio::test]
async fn a_head_that_reaches_into_the_tail_is_read_once() {
    let bench = bench();
    let lines: Vec<String> = (0..100).map(|n| format!("line {n:04}\n")).collect();
    let writes: Vec<_> = lines.iter().map(|line| (Stream::Stdout, line.as_str())).collect();
    bench.write(200, &writes).await;
    let head = bench.dir.path().join("output/ab/0192f0c123457abc8def0123456789ab.1");
    let before = fs::read(&head).unwrap();
    // Ten times as long: it reaches beyond the last segment.
    fs::write(&head, before.repeat(100)).unwrap();
    for max_bytes in [1, 64, 1 << 20] {
        assert_eq!(read_to_the_end(&bench, max_bytes).len(), 100 * 10);
    }
}

#[tokio::test]
async fn whatever_damage_files_have_a_reader_comes_to_an_end() {
    use proptest::prelude::*;
    use proptest::test_runner::TestRunner;
    let bench = bench();
    let lines: Vec<String> = (0..100).map(|n| format!("line {n:04}\n")).collect();
    let writes: Vec<_> = lines.iter().map(|line| (Stream::Stdout, line.as_str())).collect();
    bench.write(400, &writes).await.close();
    let head = bench.dir.path().join("output/ab/0192f0c123457abc8def0123456789ab.1");
    let tail = head.with_added_extension("tail");
    let whole: Vec<_> = std::iter::once(head.clone())
        .chain(fs::read_dir(&tail).unwrap().map(|entry| entry.unwrap().path()))
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    let damage = proptest::collection::vec((any::<u8>(), 0u8..6, any::<u16>()), 1..4);
    let mut runner = TestRunner::new(ProptestConfig::with_cases(64));
    let run = runner.run(&(damage, 1u64..3_000), |(damage, max_bytes)| {
        let _ = fs::remove_dir_all(&tail);
        fs::create_dir(&tail).unwrap();
        for (path, content) in &whole {
            fs::write(path, content).unwrap();
        }
        for (which, what, at) in damage {
            let (path, content) = &whole[usize::from(which) % whole.len()];
            let at = usize::from(at) % (content.len() + 1);
            let mut bytes = content.clone();
            match what {
                0 => bytes.truncate(at),
                1 => bytes.extend(vec![0xff; at]),
                2 => bytes = content.repeat(1 + at % 8),
                3 => bytes.iter_mut().skip(at).take(3).for_each(|byte| *byte ^= 0x55),
                4 => fs::write(tail.join(format!("{at:016x}")), content).unwrap(),
                _ => {
                    let _ = fs::remove_file(path);
                    fs::create_dir_all(path).unwrap();
                    continue;
                }
            }
            if path.is_file() {
                fs::write(path, bytes).unwrap();
            }
        }
        read_to_the_end(&bench, max_bytes);
        for (path, _) in &whole {
            if path.is_dir() {
                fs::remove_dir(path).unwrap();
            }
        }
        Ok(())
    });
    run.unwrap();
}

#[tokio::test]
async fn a_pipe_or_a_folder_in_place_of_output_holds_no_reader() {
    let bench = bench();
    let folder = bench.dir.path().join("output/ab");
    fs::create_dir_all(&folder).unwrap();
    let head = folder.join("0192f0c123457abc8def0123456789ab.1");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &head,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    assert_eq!(bench.read(0, 100), OutputChunk { lines: Vec::new(), next: 0, at_end: true });
}
