//! Crontabs, and what becomes of them.

use super::*;

fn import(text: &str, system: bool) -> crate::jobfile::Imported {
    let home = |user: Option<&str>| match user {
        None => Some("/home/me".to_owned()),
        Some("root") => Some("/root".to_owned()),
        Some("nobody") => None,
        Some(user) => Some(format!("/home/{user}")),
    };
    let user = Some("root".to_owned());
    let origin = CrontabOrigin { name: "tab".to_owned(), system, user, home: &home };
    import_crontab(text, &origin, &rules())
}

fn told(text: &str, system: bool) -> String {
    let told = import(text, system);
    format!("{}{}\n{}", told.yaml, told.notes.join("\n"), told.errors.join("\n"))
}

#[test]
fn a_users_crontab_becomes_jobs() {
    let text = r#"# Edit this file to introduce tasks.
#
# m h  dom mon dow   command

SHELL=/bin/bash
PATH = "/usr/local/bin:/usr/bin:/bin"
MAILTO=ops@example.com

# The backup.
# Takes an hour.
30 2 * * *	/usr/local/bin/backup.sh --all > /dev/null 2>&1
# 0 5 * * 1 tar -zcf /var/backups/home.tgz /home/
*/5  *  *  *  mon-FRI   cd /srv && ./poll.py
@reboot   nice -n 10 /opt/x/start
CRON_TZ=Asia/Tokyo
MAILTO=""
0 0 1,15 * 5 date +\%F | mail -s "a b" me%first%second\%%
-0 4 * * 0 python3 /srv/poll.py
@daily cat %
"#;
    insta::assert_snapshot!(told(text, false), @r#"
    # Made by `crontower import crontab` from tab.

    # As under cron: runs of a job may overlap, and what was missed is not made up for.
    defaults:
      overlap: allow
      catch_up: none
      working_dir: /home/me
      shell: [/bin/bash, -c]
      env: {PATH: /usr/local/bin:/usr/bin:/bin}

    jobs:
      - id: backup
        description: |-
          The backup.
          Takes an hour.
        schedule: 30 2 * * *
        run: "/usr/local/bin/backup.sh --all > /dev/null 2>&1"

      - id: poll
        schedule: "*/5 * * * mon-FRI"
        run: "cd /srv && ./poll.py"

      - id: start
        schedule: "@reboot"
        run: nice -n 10 /opt/x/start

      - id: date
        schedule: "0 0 1,15 * 5"
        timezone: Asia/Tokyo
        run: |
          { date +%F | mail -s "a b" me
          } <<'STDIN'
          first
          second%
          STDIN

      - id: poll-2
        schedule: 0 4 * * 0
        timezone: Asia/Tokyo
        run: python3 /srv/poll.py

      - id: cat
        schedule: "@daily"
        timezone: Asia/Tokyo
        run: cat
    tab:7: MAILTO: crontower sends no mail; to hear of failures, give the jobs an `on_failure` such as {run: 'echo "$CRONTOWER_OUTPUT_TAIL" | mail -s "$CRONTOWER_JOB_ID: $CRONTOWER_REASON" ops@example.com'}
    tab:14: @reboot: it runs at the engine's first start after each boot of the machine: the first time as soon as an engine has it, however long ago that boot was
    "#);
}

#[test]
fn a_system_crontab_names_users() {
    let text = "17 * * * * root cd / && run-parts --report /etc/cron.hourly\n25 6 * * * root test -x /usr/sbin/anacron || ( cd / && run-parts --report /etc/cron.daily )\nHOME=/srv\n* * * * * www-data php artisan\nHOME=/tmp\n@hourly nobody true\n";
    insta::assert_snapshot!(told(text, true), @r#"
    # Made by `crontower import crontab` from tab.

    # As under cron: runs of a job may overlap, and what was missed is not made up for.
    defaults:
      overlap: allow
      catch_up: none

    jobs:
      - id: cron.hourly
        schedule: 17 * * * *
        run: "cd / && run-parts --report /etc/cron.hourly"
        working_dir: /root

      - id: cron.daily
        schedule: 25 6 * * *
        run: "test -x /usr/sbin/anacron || ( cd / && run-parts --report /etc/cron.daily )"
        working_dir: /root

      - id: artisan
        schedule: "* * * * *"
        run: php artisan
        env: {HOME: /srv}
        working_dir: /srv
        user: www-data

      - id: "true"
        schedule: "@hourly"
        run: "true"
        env: {HOME: /tmp}
        working_dir: /tmp
        user: nobody
    "#);
}

#[test]
fn lines_that_cannot_be_read_are_told() {
    let text = "61 * * * * x\n* * * * x\n* * * * *\n@Daily x\n@weekly\n0 0 30 2 * x\nCRON_TZ=Mars\n* * * * * x\nCRON_TZ=\n5-1 * * * * x\n\u{1b}[2J\n* * * * * ok\n";
    insta::assert_snapshot!(told(text, false), @r#"
    # Made by `crontower import crontab` from tab.

    # As under cron: runs of a job may overlap, and what was missed is not made up for.
    defaults:
      overlap: allow
      catch_up: none
      working_dir: /home/me

    jobs:
      - id: ok
        schedule: "* * * * *"
        run: ok

    tab:1: `schedule`: minute 61 is outside 0-59
    tab:2: `* * * * x` lacks a command
    tab:3: `* * * * *` lacks a command
    tab:4: `@Daily` is none of @reboot, @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly
    tab:5: `@weekly` lacks a command
    tab:6: `schedule`: it never fires: February never has a day 30 (understood: At 00:00 on the 30th of February)
    tab:8: `timezone`: `Mars` is not a time zone: did you mean `Europe/Paris`?
    tab:10: `schedule`: the range `5-1` runs backwards; try `5-59,0-1 * * * *`
    tab:11: `\u{1b}[2J` has fewer than five fields and a command
    "#);
    assert_eq!(import("", false).jobs, 0);
}

#[test]
fn what_was_imported_fires_when_cron_would() {
    let text =
        "30 2 * * *  a\n*/30 2 * * * b\n0 3 29 3 * c\nCRON_TZ=America/New_York\n30 1 * * * d\n";
    let imported = import(text, false);
    let set = load(&imported.yaml).set;
    let fires = |job: &crate::model::Job, from: &str, count: usize| -> Vec<String> {
        let table = job.timetable(&set.settings, chrono_tz::Europe::Berlin).unwrap().unwrap();
        let mut at: DateTime<Utc> = from.parse().unwrap();
        (0..count)
            .map(|_| {
                at = table.fire_time_after(at).unwrap();
                at.format("%d %H:%M").to_string()
            })
            .collect()
    };
    // Berlin: 02:00 to 03:00 is left out on 2026-03-29 and comes twice on 2026-10-25.
    let spring = "2026-03-27T22:00:00Z";
    assert_eq!(fires(&set.jobs[0], spring, 3), ["28 01:30", "29 01:00", "30 00:30"]);
    assert_eq!(fires(&set.jobs[1], spring, 4), ["28 01:00", "28 01:30", "30 00:00", "30 00:30"]);
    assert_eq!(fires(&set.jobs[2], spring, 1), ["29 01:00"]);
    let autumn = "2026-10-24T12:00:00Z";
    assert_eq!(fires(&set.jobs[0], autumn, 2), ["25 00:30", "26 01:30"]);
    assert_eq!(
        fires(&set.jobs[1], autumn, 5),
        ["25 00:00", "25 00:30", "25 01:00", "25 01:30", "26 01:00"]
    );
    // New York: 01:00 to 02:00 comes twice on 2026-11-01; the first counts.
    assert_eq!(fires(&set.jobs[3], "2026-11-01T00:00:00Z", 2), ["01 05:30", "02 06:30"]);
    assert!(set.jobs.iter().all(|job| {
        job.overlap == crate::model::Overlap::Allow && job.catch_up == crate::model::CatchUp::None
    }));
}
