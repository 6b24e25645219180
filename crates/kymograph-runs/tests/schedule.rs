//! Schedules of steps and selections of names.

use kymograph_runs::{RunsError, Schedule, Selection};
use proptest::prelude::*;

#[test]
fn schedules_hold_the_steps_they_say() {
    let steps = |text: &str, last| text.parse::<Schedule>().unwrap().steps_up_to(last);
    assert_eq!(steps("every 4", 10), [0, 4, 8]);
    assert_eq!(steps("log 2", 20), [0, 1, 2, 4, 8, 16]);
    assert_eq!(steps("log 10", 1000), [0, 1, 10, 100, 1000]);
    // 1.5, 2.25, 3.375, 5.06, 7.59 rounded.
    assert_eq!(steps("log 1.5", 8), [0, 1, 2, 3, 5, 8]);
    assert_eq!(steps("3, 1", 9), [1, 3]);
    assert_eq!(
        steps("log 2 + 100 + 1000 + 2000", 2000),
        [0, 1, 2, 4, 8, 16, 32, 64, 100, 128, 256, 512, 1000, 1024, 2000]
    );
    assert!(steps("never", 9).is_empty());
    assert_eq!(Schedule::every(3).or(Schedule::at(&[4])).steps_up_to(6), [0, 3, 4, 6]);
}

#[test]
fn a_schedule_comes_back_from_text_and_json() {
    for text in ["log 2 + every 500 + 100", "never", "every 1", "log 1.25 + 7"] {
        let schedule: Schedule = text.parse().unwrap();
        assert_eq!(schedule.to_string(), text);
        let json = serde_json::to_string(&schedule).unwrap();
        assert_eq!(serde_json::from_str::<Schedule>(&json).unwrap(), schedule);
    }
}

#[test]
fn what_is_no_schedule_says_why() {
    for text in ["", "every", "every 0", "every -1", "log 1", "log x", "log inf", "1 2", "1 + ", "often", "every 2 3"] {
        let error = text.parse::<Schedule>().unwrap_err();
        assert!(matches!(error, RunsError::BadSchedule { .. }), "{text}");
        assert!(error.to_string().contains("write for example"), "{error}");
    }
    assert!(Schedule::log_spaced(f64::NAN).is_err());
}

proptest! {
    /// The slow twin: all powers, one after the other.
    #[test]
    fn log_spaced_steps_are_rounded_powers(factor in 1.01f64..20.0, last in 1u64..3000) {
        let mut wanted = vec![0u64];
        let mut exponent = 0;
        loop {
            let step = factor.powf(f64::from(exponent)).round();
            if step > last as f64 {
                break;
            }
            wanted.push(step as u64);
            exponent += 1;
        }
        wanted.dedup();
        prop_assert_eq!(Schedule::log_spaced(factor).unwrap().steps_up_to(last), wanted);
    }
}

#[test]
fn names_are_selected_by_globs() {
    let selection = Selection::new(&["conv*", "fc?", "{relu1,relu2}", "block[0-3].attn"]).unwrap();
    for name in ["conv1", "conv2.grad", "fc1", "relu2", "block2.attn"] {
        assert!(selection.matches(name), "{name}");
    }
    for name in ["relu3", "fc", "fc10", "my.conv1", "block4.attn", ""] {
        assert!(!selection.matches(name), "{name}");
    }
    assert!(Selection::everything().matches("a.b/c"));
    assert!(!Selection::new::<&str>(&[]).unwrap().matches("conv1"));
    let error = Selection::new(&["a["]).unwrap_err();
    assert!(matches!(error, RunsError::BadGlob { .. }) && error.to_string().contains("`a[`"), "{error}");
}
