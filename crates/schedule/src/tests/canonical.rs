//! The canonical form: it gives the same schedule back, and never changes.

use chrono_tz::Tz;

use super::{Dice, at, between, timing};
use crate::{Schedule, Timetable};

fn round_trip(schedule: &Schedule) {
    let Some(canonical) = schedule.canonical() else { return };
    let again =
        Schedule::from_canonical(&canonical).unwrap_or_else(|error| panic!("{canonical}: {error}"));
    assert_eq!(again.canonical().as_deref(), Some(canonical.as_str()), "{}", schedule.text());
    assert_eq!(again.wall_times().pattern, schedule.wall_times().pattern, "{canonical}");
}

#[test]
fn what_is_written_reads_the_same() {
    let mut count = 0;
    for phrase in super::guide::phrases() {
        round_trip(&Schedule::parse(&phrase).unwrap());
        count += 1;
    }
    let mut dice = Dice(31);
    let parts = ["*", "*/7", "0", "1,2", "1-5", "5", "?"];
    let doms = ["*", "L", "LW", "15W", "L-3", "1-7", "*/2,L"];
    let dows = ["*", "MON#2", "FRIL", "0", "1-5", "*/2,SATL"];
    for _ in 0..2000 {
        let text = format!(
            "{} {} {} {} {} {}",
            dice.pick(&parts),
            dice.pick(&parts),
            dice.pick(&parts),
            dice.pick(&doms),
            dice.pick(&["*", "2", "*/3"]),
            dice.pick(&dows)
        );
        if let Ok(schedule) = Schedule::parse(&text) {
            round_trip(&schedule);
            count += 1;
        }
    }
    assert!(count > 1500, "{count}");
}

/// Stores hold these: they may never read otherwise.
#[test]
fn what_stores_hold_never_changes() {
    for (text, canonical) in [
        ("@reboot", "1 reboot"),
        ("once at 2026-12-24 18:00", "1 once 2026-12-24T18:00:00"),
        ("every 90 minutes", "1 even 5400 dom=*1-31+ month=1-12 dow=*0-6+"),
        ("30 9 * * 1-5", "1 fixed fields 0/30/9 dom=*1-31+ month=1-12 dow=1-5+"),
        (
            "*/30 * L,15W * MON#2,FRIL",
            "1 wildcard fields 0/0,30/0-23 dom=+L0+W15 month=1-12 dow=+N1.2+L5.0",
        ),
        (
            "at 9:00 and 12:30 except on mondays, in august and holidays",
            "1 fixed list 32400,45000 dom=*1-31+ month=1-12 dow=*0-6+ not-dow=1 not-month=8 not-holidays",
        ),
        (
            "every 20 minutes from 23:30 to 1:30 on saturdays",
            "1 wildcard window 84600/91800/1200 dom=*1-31+ month=1-12 dow=6+",
        ),
    ] {
        assert_eq!(
            Schedule::parse(text).unwrap().canonical().as_deref(),
            Some(canonical),
            "{text}"
        );
        round_trip(&Schedule::from_canonical(canonical).unwrap());
    }
}

#[test]
fn damage_is_refused() {
    for bad in [
        "",
        "1",
        "2 reboot",
        "1 reboot now",
        "1 once soon",
        "1 even 0",
        "1 fixed fields 0/0",
        "1 fixed fields 60/0/0",
        "1 fixed list 5,5",
        "1 wildcard window 0/90000/0",
        "1 even 60 dom=32+",
        "1 even 60 elephant=1",
        "30 9 * * 1-5",
        "1 fixed fields 0/0/0 dom=30+ month=2 dow=*0-6+",
    ] {
        assert!(Schedule::from_canonical(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_kept_reading_stands_in_the_place_of_the_text() {
    // What 0.1 took `nightly at 11` for; its text is read otherwise now.
    let reading = "1 fixed fields 0/0/11 dom=*1-31+ month=1-12 dow=*0-6+";
    let mut kept = timing("nightly at 11");
    kept.reading = Some(reading);
    let kept = Timetable::new(&kept, Tz::UTC).unwrap();
    let fires = between(&kept, at("2026-11-28T00:00:00Z"), at("2026-11-29T00:00:00Z"));
    assert_eq!(fires, [at("2026-11-28T11:00:00Z")]);
    assert_eq!(kept.canonical(), reading);
    assert_eq!(kept.schedule().text(), "nightly at 11");
    assert_eq!(kept.schedule().same_in_words().as_deref(), Some("0 11 * * *"));
}
