//! Crontabs, and what becomes of them.

use super::*;

/// A machine with these users and programs, and a home folder for all but nobody.
struct Fake;

impl CrontabMachine for Fake {
    fn home(&self, user: &str) -> Option<String> {
        match user {
            "root" => Some("/root".to_owned()),
            "nobody" => Some("/nonexistent".to_owned()),
            user => self.is_user(user).then(|| format!("/home/{user}")),
        }
    }

    fn is_user(&self, name: &str) -> bool {
        ["root", "me", "nobody", "www-data", "backup", "mail", "postgres", "zabbix"].contains(&name)
    }

    fn is_command(&self, name: &str) -> bool {
        ["mail", "php", "date", "sh", "psql", "run-parts", "sat"].contains(&name)
    }

    fn is_folder(&self, path: &str) -> bool {
        path != "/nonexistent" && path != "/gone"
    }
}

/// A crontab of which nothing is known but its text; `me` imports it.
fn origin() -> CrontabOrigin<'static> {
    CrontabOrigin {
        name: "tab".to_owned(),
        kind: None,
        sixth: None,
        is_busybox: false,
        owners: vec!["me".to_owned()],
        importer: Some("me".to_owned()),
        machine: &Fake,
    }
}

fn import(text: &str) -> crate::jobfile::Imported {
    import_crontab(text, &origin(), &rules()).unwrap_or_else(|unclear| panic!("{unclear:?}"))
}

fn kind(kind: CrontabKind) -> CrontabOrigin<'static> {
    CrontabOrigin { kind: Some(kind), ..origin() }
}

/// The jobs of a crontab, read back, with what was reported.
fn jobs_of(text: &str, origin: &CrontabOrigin<'_>) -> (Vec<crate::model::Job>, Vec<String>) {
    let imported = import_crontab(text, origin, &rules()).unwrap();
    assert_eq!(imported.errors, Vec::<String>::new());
    (load(&imported.yaml).set.jobs, imported.notes)
}

fn script(job: &crate::model::Job) -> &str {
    match &job.command {
        crate::model::JobCommand::Run { run, .. } => run,
        crate::model::JobCommand::Named { .. } => panic!("{job:?}"),
    }
}

fn env(job: &crate::model::Job) -> String {
    let text = |(name, value): (&String, &crate::model::EnvValue)| match value {
        crate::model::EnvValue::Text(value) => format!("{name}={value}"),
        crate::model::EnvValue::SecretFile { .. } => panic!("{job:?}"),
    };
    job.env.iter().map(text).collect::<Vec<_>>().join(" ")
}

fn describe(text: &str) -> String {
    let described = import(text);
    format!("{}{}\n{}", described.yaml, described.notes.join("\n"), described.errors.join("\n"))
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
    insta::assert_snapshot!(describe(text), @r#"
    # Made by `crontower import crontab` from tab.

    # As under cron: all due jobs start at once, runs of a job may overlap,
    # and missed runs are not made up for.
    workers: [{id: local, capacity: 1000}]
    defaults:
      overlap: allow
      catch_up: none
      working_dir: /home/me
      shell: [/bin/bash, -c]
      env: {HOME: /home/me, LOGNAME: me, PATH: /usr/local/bin:/usr/bin:/bin, SHELL: /bin/bash}

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
    tab:7: MAILTO: crontower sends no mail; to report failures, give the jobs an `on_failure` such as {run: 'echo "$CRONTOWER_OUTPUT_TAIL" | mail -s "$CRONTOWER_JOB_ID: $CRONTOWER_REASON" ops@example.com'}
    tab:14: @reboot: runs at the engine's first start after each boot; the first time as soon as an engine has the job, however long ago that boot was
    tab:15: CRON_TZ: the entries below are scheduled in this zone, as cronie does; Debian's cron ignores it and uses the system's
    "#);
}

#[test]
fn a_system_crontab_names_users() {
    let text = "17 * * * * root cd / && run-parts --report /etc/cron.hourly\n25 6 * * * root test -x /usr/sbin/anacron || ( cd / && run-parts --report /etc/cron.daily )\nHOME=/srv\n* * * * * www-data php artisan\nHOME=/tmp\n@hourly nobody true\n";
    insta::assert_snapshot!(describe(text), @r#"
    # Made by `crontower import crontab` from tab.

    # As under cron: all due jobs start at once, runs of a job may overlap,
    # and missed runs are not made up for.
    workers: [{id: local, capacity: 1000}]
    defaults:
      overlap: allow
      catch_up: none
      env: {PATH: /usr/bin:/bin, SHELL: /bin/sh}

    jobs:
      - id: cron.hourly
        schedule: 17 * * * *
        run: "cd / && run-parts --report /etc/cron.hourly"
        working_dir: /root
        user: root

      - id: cron.daily
        schedule: 25 6 * * *
        run: "test -x /usr/sbin/anacron || ( cd / && run-parts --report /etc/cron.daily )"
        working_dir: /root
        user: root

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
fn lines_that_cannot_be_read_are_reported() {
    let text = "61 * * * * x\n* * * * x\n* * * * *\n@Daily x\n@weekly\n0 0 30 2 * x\nCRON_TZ=Mars\n* * * * * x\nCRON_TZ=\n5-1 * * * * x\n\u{1b}[2J\n* * * * * ok\n";
    insta::assert_snapshot!(describe(text), @r#"
    # Made by `crontower import crontab` from tab.

    # As under cron: all due jobs start at once, runs of a job may overlap,
    # and missed runs are not made up for.
    workers: [{id: local, capacity: 1000}]
    defaults:
      overlap: allow
      catch_up: none
      working_dir: /home/me

    jobs:
      - id: ok
        schedule: "* * * * *"
        run: ok
        env: {HOME: /home/me, LOGNAME: me, PATH: /usr/bin:/bin, SHELL: /bin/sh}
    tab:7: CRON_TZ: the entries below are scheduled in this zone, as cronie does; Debian's cron ignores it and uses the system's
    tab:1: `schedule`: minute 61 is outside 0-59
    tab:2: `* * * * x` has fewer than five fields and a command
    tab:3: `* * * * *` lacks a command
    tab:4: `@Daily` is none of @reboot, @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly
    tab:5: `@weekly` lacks a command
    tab:6: `schedule`: it never fires: February never has a day 30 (understood: At 00:00 on the 30th of February)
    tab:8: `timezone`: `Mars` is not a time zone: write it like Europe/Berlin or UTC
    tab:10: `schedule`: the range `5-1` runs backwards; try `5-59,0-1 * * * *`
    tab:11: `\u{1b}[2J` has fewer than five fields and a command
    "#);
    assert_eq!(import("").jobs, 0);
}

#[test]
fn what_was_imported_fires_when_cron_would() {
    let text =
        "30 2 * * *  a\n*/30 2 * * * b\n0 3 29 3 * c\nCRON_TZ=America/New_York\n30 1 * * * d\n";
    let imported = import(text);
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

#[test]
fn a_system_crontab_is_known_by_its_content() {
    let debian = "SHELL=/bin/sh\n# Example of job definition:\n# .---------------- minute (0 - 59)\n\
        # *  *  *  *  * user-name command to be executed\n\
        17 *\t* * *\troot\tcd / && run-parts --report /etc/cron.hourly\n\
        25 6\t* * *\troot\ttest -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; }\n";
    for text in [
        debian,
        "09,39 * * * * root [ -x /usr/lib/php/sessionclean ] && /usr/lib/php/sessionclean\n",
        "0 3 * * * postgres psql -c vacuum\n@daily www-data php cron.php\n",
        "# m h dom mon dow user\tcommand\n5 * * * * backup /srv/backup.sh\n",
        "*/5 * * * * zabbix /opt/z/bin/check\n",
        "-*/5 * * * * root /usr/lib/x\n",
    ] {
        let (jobs, _) = jobs_of(text, &origin());
        assert!(jobs.iter().all(|job| job.user.is_some()), "{text}");
    }
    let (jobs, _) = jobs_of(debian, &origin());
    assert_eq!(
        script(&jobs[1]),
        "test -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; }"
    );
    assert_eq!(jobs[1].user.as_deref(), Some("root"));
}

#[test]
fn a_users_crontab_is_known_by_its_content() {
    for text in [
        "0 5 * * 1 tar -zcf /var/backups/home.tgz /home/\n",
        "0 8 * * * mail -s hi me < /dev/null\n",
        "*/5 * * * * php /srv/cron.php\n",
        "0 5 * * * sync\n",
        "# m h  dom mon dow   command\n0 5 * * * backup /srv/data\n",
        "@reboot [ -x /usr/bin/x ] && x\n",
        "0 5 * * * backup /srv/data\n0 6 * * * /usr/bin/true\n",
        "0 5 * * * ./mine.sh root\n",
        "0 5 * * * mybackup /srv/data\n",
    ] {
        let (jobs, _) = jobs_of(text, &origin());
        assert!(jobs.iter().all(|job| job.user.is_none()), "{text}");
    }
}

#[test]
fn what_can_be_a_users_crontab_or_the_systems_is_asked() {
    let ask = |text: &str| import_crontab(text, &origin(), &rules()).unwrap_err();
    for (text, why) in [
        ("0 5 * * * backup /srv/data\n", "`backup` in line 1 can be a user or a command"),
        ("\n0 5 * * * deploy php run\n", "`deploy` in line 2 can be a user or a command"),
        ("0 5 * * * deploy /opt/app/bin/run\n", "`deploy` in line 1 can be a user or a command"),
        (
            "0 5 * * * root true x\n0 6 * * * /usr/bin/y\n",
            "line 1 seems to name a user (`root`), line 2 does not (`/usr/bin/y`)",
        ),
        (
            "# m h dom mon dow user command\n0 6 * * * /usr/bin/y\n",
            "its heading has a column for the user, and line 2 names none (`/usr/bin/y`)",
        ),
    ] {
        let unclear = ask(text);
        assert_eq!(unclear.message, format!("tab: is this a system crontab? {why}"));
        assert!(unclear.hint.contains("--system") && unclear.hint.contains("--user NAME"));
    }
    let text = "0 5 * * * backup /srv/data\n";
    let (jobs, _) = jobs_of(text, &kind(CrontabKind::System));
    assert_eq!((jobs[0].user.as_deref(), script(&jobs[0])), (Some("backup"), "/srv/data"));
    let (jobs, _) = jobs_of(text, &kind(CrontabKind::User));
    assert_eq!((jobs[0].user.as_deref(), script(&jobs[0])), (None, "backup /srv/data"));
    // Said to be the system's, a path is no user.
    let imported = import_crontab("0 6 * * * /usr/bin/y z\n", &kind(CrontabKind::System), &rules());
    assert_eq!(imported.unwrap().errors, ["tab:1: `user`: `/usr/bin/y` is not a valid user name"]);
}

#[test]
fn whose_a_crontab_is_under_sudo_is_asked() {
    let owners = vec!["root".to_owned(), "me".to_owned()];
    let origin = CrontabOrigin { owners, importer: None, ..origin() };
    let unclear = import_crontab("* * * * * /usr/bin/x\n", &origin, &rules()).unwrap_err();
    assert_eq!(unclear.message, "tab: whose crontab is it, `root` or `me`?");
    assert_eq!(unclear.hint, "say --user NAME");
    // A system crontab says it itself; one without entries is nobody's.
    jobs_of("* * * * * root /usr/bin/x\n", &origin);
    assert_eq!(jobs_of("# nothing\n", &origin).0.len(), 0);
}

#[test]
fn what_root_imports_says_whom_it_runs_as() {
    let of =
        |user: &str| CrontabOrigin { owners: vec![user.to_owned()], importer: None, ..origin() };
    for user in ["root", "me"] {
        let (jobs, _) = jobs_of("* * * * * /usr/bin/x\n* * * * * /usr/bin/y\n", &of(user));
        assert!(jobs.iter().all(|job| job.user.as_deref() == Some(user)));
    }
    let (jobs, _) = jobs_of("* * * * * root /usr/bin/x\n", &of("root"));
    assert_eq!(jobs[0].user.as_deref(), Some("root"));
}

#[test]
fn seconds_and_years_are_columns_and_not_a_command() {
    let read = |text: &str| {
        let (jobs, notes) = jobs_of(text, &origin());
        assert!(notes.iter().any(|note| note.contains("columns of seconds or years")), "{text}");
        let job = &jobs[0];
        let bound = |at: Option<DateTime<Utc>>| at.map_or("-".to_owned(), |at| at.to_string());
        let schedule = job.schedule.clone().unwrap();
        format!("{schedule} | {} | {} {}", script(job), bound(job.start_at), bound(job.end_at))
    };
    for (text, expected) in [
        ("*/5 * * * * * * echo hi\n", "*/5 * * * * * | echo hi | - -"),
        ("0 30 2 * * MON-FRI /x\n", "0 30 2 * * MON-FRI | /x | - -"),
        ("15 0 2 * * 1-5 /x y\n", "15 0 2 * * 1-5 | /x y | - -"),
        ("0 30 2 * * * /x\n", "0 30 2 * * * | /x | - -"),
        ("*/10 * * * * ? /x\n", "*/10 * * * * ? | /x | - -"),
        ("0 0 1 1 * 2027 /x\n", "0 0 1 1 * | /x | 2027-01-01 00:00:00 UTC 2027-12-31 23:59:59 UTC"),
        (
            "CRON_TZ=Asia/Tokyo\n0 0 0 1 1 * 2027-2028,2029 /x\n",
            "0 0 0 1 1 * | /x | 2026-12-31 15:00:00 UTC 2029-12-31 14:59:59 UTC",
        ),
    ] {
        assert_eq!(read(text), expected, "{text}");
    }
    // Neither a user nor a program becomes a column.
    let (jobs, _) = jobs_of("0 5 * * * sat\n* * * * * 7z x /srv/a.7z\n", &origin());
    assert_eq!((script(&jobs[0]), script(&jobs[1])), ("sat", "7z x /srv/a.7z"));
    // Behind the columns of a system crontab stands the user.
    let (jobs, _) = jobs_of("0 30 2 * * MON root /x\n", &origin());
    assert_eq!((jobs[0].user.as_deref(), script(&jobs[0])), (Some("root"), "/x"));
}

#[test]
fn six_columns_with_two_readings_are_an_error_that_names_the_options() {
    let text = "* * * * * * /x\n0 0 12 * * * /y\n";
    let errors = import(text).errors;
    assert_eq!(errors.len(), 2);
    assert!(
        errors[1]
            .starts_with("tab:2: `0 0 12 * * *` has six columns and two readings: seconds first")
    );
    assert!(errors[1].ends_with("say which with --seconds or --years"));
    let with = |sixth| {
        let (jobs, _) = jobs_of(text, &CrontabOrigin { sixth: Some(sixth), ..origin() });
        jobs.into_iter().map(|job| job.schedule.unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(with(SixthColumn::Seconds), ["* * * * * *", "0 0 12 * * *"]);
    assert_eq!(with(SixthColumn::Year), ["* * * * *", "0 0 12 * *"]);
    for (line, problem) in [
        ("0 0 2 ? * 2 /x", "day of week `2` beside a `?`: Quartz counts Sunday as 1"),
        ("0 0 1 1 * 2027,2030 /x", "the years `2027,2030` are not in a row"),
        ("0 0 0 1 1 * 1827 /x", "`1827` is not a year such as 2027"),
        ("* * * * * * * * /x", "has more than seven columns of time"),
        ("* * * * * *", "has six columns"),
        ("* * * * * * *", "lacks a command"),
        ("0 61 2 * * MON /x", "minute 61"),
    ] {
        let described = import(&format!("{line}\n")).errors.join("\n");
        assert!(described.contains(problem), "{line}: {described}");
    }
}

#[test]
fn a_home_that_does_not_exist_is_not_where_a_job_starts() {
    let text = "* * * * * nobody /x\n* * * * * www-data /y\n* * * * * nobody /z\n";
    let (jobs, notes) = jobs_of(text, &origin());
    let folders: Vec<_> = jobs.iter().map(|job| job.working_dir.as_deref().unwrap()).collect();
    assert_eq!(folders, ["/", "/home/www-data", "/"]);
    assert_eq!(
        notes,
        ["tab:1: the home folder of `nobody` (`/nonexistent`) does not exist: its jobs start in /"]
    );
    for home in ["/gone", "relative", "\"\"", "~"] {
        let (jobs, notes) = jobs_of(&format!("HOME={home}\n* * * * * /x\n"), &origin());
        assert_eq!(jobs[0].working_dir.as_deref(), Some("/"), "{home}");
        assert_eq!(notes.len(), 1, "{home}");
    }
    let (jobs, notes) = jobs_of("* * * * * ghost /x\n", &kind(CrontabKind::System));
    assert_eq!(jobs[0].working_dir.as_deref(), Some("/"));
    assert_eq!(notes[0], "tab:1: `ghost` is not a user of this machine");
}

#[test]
fn commands_get_the_variables_that_cron_sets() {
    let one = |text: &str| env(&jobs_of(text, &origin()).0[0]);
    assert_eq!(one("* * * * * /x\n"), "HOME=/home/me LOGNAME=me PATH=/usr/bin:/bin SHELL=/bin/sh");
    assert_eq!(
        one("SHELL=/bin/bash\nPATH=/opt/bin\nHOME=/srv\nLOGNAME=other\n* * * * * /x\n"),
        "HOME=/srv LOGNAME=me PATH=/opt/bin SHELL=/bin/bash"
    );
    // With `user` the worker sets HOME and LOGNAME.
    assert_eq!(one("* * * * * root /x\n"), "PATH=/usr/bin:/bin SHELL=/bin/sh");
    assert_eq!(one("HOME=/srv\n* * * * * root /x\n"), "HOME=/srv PATH=/usr/bin:/bin SHELL=/bin/sh");
    // supercronic hands on its own environment.
    assert_eq!(one("A=b\n*/5 * * * * * * /x\n"), "A=b");
    let (jobs, notes) = jobs_of("LOGNAME=x\n* * * * * /x\n", &origin());
    assert_eq!(jobs[0].working_dir.as_deref(), Some("/home/me"));
    assert_eq!(notes, ["tab:1: LOGNAME cannot be changed under cron; left out"]);
}

#[test]
fn variables_are_read_as_cron_reads_them() {
    for (line, expected) in [
        ("A=b", "A=b"),
        ("  A =  b c  ", "A=b c"),
        ("A='  b  '", "A=  b  "),
        ("\"A\"=b", "A=b"),
        ("'A B' = c", "A B=c"),
        ("A=\"it's\"", "A=it's"),
        ("A='say \"x\"'", "A=say \"x\""),
        ("A=b\"c\"", "A=b\"c\""),
        (r"A=C:\\x\n", r"A=C:\\x\n"),
        (r#"A="a\\"b""#, ""),
        ("A=$HOME/bin:$PATH", "A=$HOME/bin:$PATH"),
        ("A=b # no comment", "A=b # no comment"),
        ("A=b=c", "A=b=c"),
        ("A=", "A="),
        ("A=\"\"", "A="),
        ("A=\"b\" c", ""),
        ("A=\"b", ""),
        ("A='b\"", ""),
        ("\"A=b", ""),
        ("=b", ""),
    ] {
        let imported = import(&format!("{line}\n* * * * * /x\n"));
        if expected.is_empty() {
            assert_eq!(imported.errors.len(), 1, "{line}");
            continue;
        }
        assert_eq!(imported.errors, Vec::<String>::new(), "{line}");
        let env = env(&load(&imported.yaml).set.jobs[0]);
        assert!(env.starts_with(expected), "{line}: {env}");
    }
    let described = import("A=\"b\" c\n").errors;
    assert!(
        described[0].contains("the quotes in `A=\"b\" c` do not match, or something follows them")
    );
}

#[test]
fn percent_and_backslash_in_commands_are_cronss() {
    for (line, expected) in [
        (r"date +\%F", "date +%F"),
        (r"echo a\\b", r"echo a\b"),
        (r"echo \n a\x", r"echo \n a\x"),
        (r"echo a\\\%b", r"echo a\%b"),
        ("cat%a%b", "{ cat\n} <<'STDIN'\na\nb\nSTDIN\n"),
        (r"cat%50\% off\\", "{ cat\n} <<'STDIN'\n50% off\\\\\nSTDIN\n"),
        ("cat%STDIN%x", "{ cat\n} <<'STDIN_'\nSTDIN\nx\nSTDIN_\n"),
        ("cat%", "cat"),
        ("cat%%", "{ cat\n} <<'STDIN'\n\nSTDIN\n"),
    ] {
        let (jobs, _) = jobs_of(&format!("* * * * * {line}\n"), &kind(CrontabKind::User));
        assert_eq!(script(&jobs[0]), expected, "{line}");
    }
    // Debian: the first backslash makes the second one plain, and the `%` behind it ends the command.
    let (jobs, notes) = jobs_of("* * * * * cat \\\\%x\n", &kind(CrontabKind::User));
    assert_eq!(script(&jobs[0]), "{ cat \\\n} <<'STDIN'\nx\nSTDIN\n");
    assert!(notes[0].contains("cronie leaves both"));
    let described = import("* * * * * tar cf \"/b/$(date '+%F').tar\" /srv\n").errors;
    assert!(described[0].contains("cuts") && described[0].contains("write `\\%`"), "{described:?}");
}

#[test]
fn percent_means_nothing_to_other_programs() {
    let (jobs, _) = jobs_of("0 30 2 * * MON date +%F '%x'\n0 5 * * * date +%F\n", &origin());
    assert_eq!((script(&jobs[0]), script(&jobs[1])), ("date +%F '%x'", "date +%F"));
    let busybox = CrontabOrigin { is_busybox: true, ..kind(CrontabKind::User) };
    let (jobs, notes) = jobs_of("A=b\n0 5 * * * date +%F a\\\\b\n", &busybox);
    assert_eq!((script(&jobs[0]), env(&jobs[0])), (r"date +%F a\\b", "A=b".to_owned()));
    assert!(notes[0].contains("busybox"), "{notes:?}");
}

#[test]
fn a_crontab_of_comments_is_no_error() {
    for text in ["", "\n\n", "# m h dom mon dow command\n", "PATH=/bin\n# x", "\u{feff}# x\n"] {
        let imported = import(text);
        assert_eq!((imported.jobs, imported.errors.len()), (0, 0), "{text}");
        assert_eq!(load(&imported.yaml).set.jobs.len(), 0, "{text}");
    }
}

#[test]
fn what_other_crons_know_is_carried_over_or_named() {
    let (jobs, notes) = jobs_of(
        "RANDOM_DELAY=10\nCRON_TZ=Asia/Tokyo\n@every_minute -n -q /a\n@every 1h30m -ns /b\n~ 0~5 * * * /c\n",
        &origin(),
    );
    assert_eq!(jobs[0].schedule.as_deref(), Some("* * * * *"));
    assert_eq!(jobs[0].jitter, Some(std::time::Duration::from_secs(600)));
    assert_eq!(jobs[1].schedule.as_deref(), Some("every 90 minutes"));
    assert_eq!((script(&jobs[0]), script(&jobs[1])), ("/a", "/b"));
    assert_eq!(jobs[2].schedule.as_deref(), Some("H H(0-5) * * *"));
    use crate::model::Overlap;
    assert_eq!((jobs[0].overlap, jobs[1].overlap), (Overlap::Allow, Overlap::Skip));
    for word in ["jitter", "CRON_TZ", "OpenBSD", "1970-01-01", "`H`"] {
        assert!(notes.iter().any(|note| note.contains(word)), "{word}: {notes:?}");
    }
    for (text, problem) in [
        ("@monthly 45 cron.monthly nice run-parts /etc/cron.monthly\n", "anacrontab"),
        ("1 5 cron.daily nice run-parts /etc/cron.daily\n", "`cron.daily`"),
        ("CRON_TZ=Asia/Tokyo 30 4 * * * /x\n", "is not a time zone: write it on a line of its own"),
        ("RANDOM_DELAY=x\n", "is not a number of minutes"),
        ("@600 /x\n", "`@600` is none of @reboot"),
        ("~30 * * * * /x\n", "~"),
        ("daily at 5 pm every /x\n", "`daily` is not a column of time"),
    ] {
        let described = import(text).errors.join("\n");
        assert!(described.contains(problem), "{text}: {described}");
    }
    let unclear = import_crontab("START_HOURS_RANGE=3-22\n", &origin(), &rules()).unwrap_err();
    assert_eq!(unclear.message, "tab is an anacrontab, which is not supported");
}

#[test]
fn jobs_are_called_after_what_they_do() {
    for (command, id) in [
        ("cd / && run-parts --report /etc/cron.hourly", "cron.hourly"),
        (
            "test -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; }",
            "cron.daily",
        ),
        ("[ -x /usr/lib/php/clean ] && if [ ! -d /run/x ]; then /usr/lib/php/clean; fi", "clean"),
        ("A=b /usr/bin/env python3 /srv/poll.py", "poll"),
        ("$HOME/bin/x", "job"),
        ("\u{e9}\u{e9}", "job"),
    ] {
        let (jobs, _) = jobs_of(&format!("* * * * * {command}\n"), &kind(CrontabKind::User));
        assert_eq!(jobs[0].id.as_str(), id, "{command}");
    }
}

#[test]
fn the_work_that_a_crontab_can_cause_is_bounded() {
    let stars = import(&format!("{}x\n", "* ".repeat(1_000_000))).errors;
    assert!(stars[0].contains("more than seven columns"), "{stars:?}");
    let many = import(&"* * * * * x\n".repeat(2_000));
    assert_eq!(many.jobs, 2_000);
    assert!(many.yaml.contains("- id: x-2000\n"));
    let long = import(&format!("A={0}\n{0} * * * * x\n", "9".repeat(1_000_000))).errors;
    assert!(long[0].len() < 1_000);
}

#[test]
fn how_lines_end_is_looked_at() {
    let (jobs, notes) = jobs_of("A=b\r\n* * * * * /x y\r\n", &origin());
    assert_eq!(script(&jobs[0]), "/x y");
    assert!(notes[0].contains("CR LF"));
    let (jobs, notes) = jobs_of("* * * * * /x", &origin());
    assert_eq!((jobs.len(), notes.len()), (1, 1));
    assert!(notes[0].starts_with("tab:1: the last line does not end"));
}

#[test]
fn as_under_cron_nothing_waits_for_a_slot() {
    let set = load(&import("* * * * * /x\n").yaml).set;
    assert_eq!(set.settings.workers.unwrap()[0].capacity, 1000);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig {
        cases: 300, failure_persistence: None, ..Default::default()
    })]

    #[test]
    fn no_crontab_makes_it_stumble(
        lines in proptest::collection::vec("[-0-9*/,@%\"'=A-Z\\\\ \t#?~a-c\u{e9}]{0,24}", 0..8),
        text in ".{0,200}",
    ) {
        for text in [lines.join("\n"), format!("* * * * * {text}"), text] {
            if let Ok(imported) = import_crontab(&text, &origin(), &rules()) {
                assert_eq!(load(&imported.yaml).set.jobs.len(), imported.jobs);
            }
        }
    }
}
