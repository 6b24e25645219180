//! The page: verdict first, everything escaped, nothing fetched, small enough.

mod common;

use std::collections::BTreeMap;

use common::{curves, every_kind, figure, heat_map};
use kymograph_findings::{Finding, JudgedPrediction, Judgement, Null, Outcome, RunKey, Stated, Verdict};
use kymograph_report::{
    FigureKind, Frame, Frames, LeafPage, Link, LinkedTable, Page, PageKind, PlacedFigure, ReportError, Section, Series,
    SummaryTable, render_leaf, render_page, summary, write_report,
};

const HOSTILE: &str = "</script><script>alert(\"x\")</script><img src=http://evil.example/x onerror='y'>";

fn null() -> Null {
    Null { kind: "permuted_units".into(), mean: 0.02, interval: [-0.7, 0.75], n: 200, p: Some(0.005) }
}

fn finding(array: &str, value: Option<f64>) -> Finding {
    Finding {
        measure: "same_index_cosine".into(),
        options: BTreeMap::from([("seed".into(), "0".into())]),
        run: RunKey { network: "cnn".into(), seed: Some(0), control: None },
        array: array.into(),
        other_array: None,
        steps: vec![100, 20_000],
        value,
        interval: Some([0.98512, 0.98514]),
        nulls: vec![null()],
        ceiling: None,
        parts: BTreeMap::new(),
        n: Some(32),
        notes: vec!["two units never moved".into()],
        version: 1,
    }
}

fn prediction(name: &str) -> JudgedPrediction {
    JudgedPrediction {
        name: name.into(),
        hypothesis: "B".into(),
        text: "Filters keep their identity".into(),
        source: "published: .78, .82".into(),
        quantity: "cosine of conv1".into(),
        estimate: Some(0.98513),
        interval: Some([0.97, 0.99]),
        per_seed: vec![0.98, 0.985, 0.99],
        n_seeds: 3,
        min_seeds: 5,
        decision: "above 0.7".into(),
        thresholds: vec![0.7],
        null: Some(null()),
        judgement: Judgement::Undecided,
        reason: "3 seeds of the 5 needed.".into(),
        rows: vec![0],
        repeat: "kymograph judge run --predictions p.toml".into(),
    }
}

fn placed((name, figure): (&str, kymograph_report::Figure)) -> PlacedFigure {
    PlacedFigure {
        name: name.into(),
        figure,
        caption: format!("Caption of {name}"),
        alt: format!("Words for {name}"),
        note: String::new(),
        frames: None,
    }
}

fn page() -> Page {
    Page {
        title: "Phases".into(),
        subtitle: "A CNN on MNIST".into(),
        kind: PageKind::Study,
        verdicts: vec![Verdict {
            title: "Phases or refinement?".into(),
            hypotheses: BTreeMap::from([("A".into(), "Phases.".into()), ("B".into(), "Refinement.".into())]),
            outcome: Outcome::Undecided,
            sentence: "Undecided at 3 seeds.".into(),
            stated: Stated::Beforehand,
            rule: "All held.".into(),
            predictions: vec![prediction("stays")],
            remedy: Some("kymograph run phases --seeds 0..8".into()),
        }],
        findings: vec![finding("conv1.weight", Some(0.98513)), finding("fc.weight", None)],
        sections: vec![Section {
            title: "Weights".into(),
            text: "First.\n\nSecond.".into(),
            links: vec![Link::new("latents/index.html", "every <latent>")],
            figures: every_kind().into_iter().map(placed).collect(),
        }],
        tables: vec![SummaryTable {
            title: "Key numbers".into(),
            caption: "Beside their nulls.".into(),
            columns: vec!["Layer".into(), "Cosine".into()],
            rows: vec![vec!["conv1".into(), "0.985".into()], vec!["fc".into()]],
        }],
        facts: vec![("Data".into(), "MNIST".into())],
        warnings: vec!["3 seeds.".into()],
        repeat: "kymograph run phases".into(),
        commands: BTreeMap::from([(0, "kymograph measure same_index_cosine a.pt:conv1 b.pt:conv1".into())]),
    }
}

#[test]
fn the_first_screen_says_what_was_predicted_and_found_and_with_which_certainty() {
    let html = render_page(&page()).unwrap();
    let at = |text: &str| html.find(text).unwrap_or_else(|| panic!("'{text}' is missing"));
    assert!(at("Refinement.") < at("class=\"badge\""));
    assert!(at("class=\"badge\"") < at("Rests on 3 seeds (at least 5 are needed"));
    assert!(at("Predictions fixed before the run.") < at("id=\"predictions\""));
    assert!(at("kymograph run phases --seeds 0..8") < at("id=\"predictions\""));
    assert!(at("id=\"predictions\"") < at("id=\"evidence\""));
    assert!(at("id=\"evidence\"") < at("id=\"methods\""));
    for text in [
        "<b>0.985</b> [0.970, 0.990]",
        "0.02 [−0.70, 0.75] (permuted units, 200 draws, p = 0.005)",
        "above 0.7",
        "published: .78, .82",
    ] {
        at(text);
    }
    at("[0.98512, 0.98514]");
    at("not measured");
    at("100 → 20\u{202f}000");
    assert_eq!(html.matches("<figure id=").count(), 6);
    assert_eq!(html.matches("aria-label=\"Words for").count(), 6);
    assert_eq!(html.matches("download=").count(), 6);
}

/// The charting library as it lies in the tree.
fn library() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../third_party/echarts/echarts.min.js")).unwrap()
}

#[test]
fn nothing_is_fetched() {
    let html = render_page(&page()).unwrap();
    let library = library();
    assert!(library.len() < 700_000);
    assert_eq!(html.matches(&library).count(), 1, "the charting library stands in the page once");
    // The only addresses on the page are names of XML name spaces, which are never fetched.
    let mut rest = html.clone();
    for name in ["2000/svg", "1999/xlink", "2000/xmlns/", "XML/1998/namespace"] {
        rest = rest.replace(&format!("http://www.w3.org/{name}"), "");
    }
    for bad in ["http://", "https://", "src=\"//", "url(http", "@import", "<link", "<iframe", "import("] {
        assert!(!rest.contains(bad), "{bad}");
    }
    assert!(!library.contains("</script") && !library.contains("<!--") && !library.contains("eval("));
    assert!(html.len() < library.len() + 400_000, "{}", html.len());
    // A page without live charts does without the library.
    let mut bare = page();
    bare.sections.clear();
    assert!(!render_page(&bare).unwrap().contains(&library));
}

#[test]
fn only_the_pages_own_scripts_may_run() {
    use base64::Engine as _;
    use sha2::Digest as _;
    let html = render_page(&page()).unwrap();
    let policy = html.split("http-equiv=\"Content-Security-Policy\" content=\"").nth(1).unwrap();
    let policy = policy.split('"').next().unwrap().replace("&#x27;", "'").replace("&#x2f;", "/");
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    let allowed = policy.split("script-src").nth(1).unwrap();
    assert!(!allowed.contains("unsafe"), "{allowed}");
    let scripts: Vec<&str> = html.split("<script>").skip(1).map(|t| t.split("</script>").next().unwrap()).collect();
    assert_eq!(scripts.len(), 2);
    for script in scripts {
        let hash = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(script.as_bytes()));
        assert!(allowed.contains(&format!("'sha256-{hash}'")), "{allowed} does not hold {hash}");
    }
}

#[test]
fn live_charts_hold_the_figures_data_beside_the_printed_figure() {
    let mut page = page();
    let frame = |step: u64| Frame {
        name: step.to_string(),
        figure: figure(FigureKind::HeatMap(kymograph_report::HeatMap { decimals: step as usize, ..heat_map() })),
    };
    let frames = Frames { label: "step".into(), frames: vec![frame(1), frame(2)], start: 9 };
    page.sections[0].figures[2].frames = Some(frames.clone());
    let html = render_page(&page).unwrap();
    let charts: Vec<serde_json::Value> = html
        .split("<script type=\"application/json\" class=\"chart\">")
        .skip(1)
        .map(|t| serde_json::from_str(t.split("</script>").next().unwrap()).unwrap())
        .collect();
    let kinds: Vec<&str> = charts.iter().map(|c| c["kind"].as_str().unwrap()).collect();
    assert_eq!(
        kinds,
        ["curves", "heat_map", "frames", "image_grid", "scatter"],
        "dots and plain histograms stay as printed"
    );
    let panel = &charts[0]["panels"][0];
    assert_eq!(panel["series"][0]["y"], serde_json::json!([0.1, 0.2, null, 0.3]));
    assert_eq!(panel["series"][0]["band"][1], serde_json::json!([0.1, 0.3]));
    assert_eq!(panel["null"]["interval"][1], serde_json::json!([-0.1, 0.12]));
    assert_eq!(charts[1]["panels"][0]["values"][1], serde_json::json!([0.886, 0.969]));
    assert_eq!(charts[2]["names"], serde_json::json!(["1", "2"]));
    assert_eq!(charts[2]["start"], 1, "kept within the frames");
    assert_eq!(charts[2]["charts"][1]["decimals"], 2);
    let scatter = &charts[4];
    assert_eq!(scatter["panels"][0]["classes"], serde_json::json!([0, 1, 1]));
    assert_eq!(scatter["panels"][0]["axes"][0]["range"], scatter_range([0.0, 2.0], 2.5));
    assert_eq!(scatter["panels"][0]["axes"][1]["range"], scatter_range([-1.5, 1.0], 2.5));
    assert_eq!(html.matches("<svg").count(), 7, "six figures and the prediction's picture are there without a script");

    // One frame is no slider, and a frame that cannot be drawn is an error.
    page.sections[0].figures[2].frames = Some(Frames { frames: frames.frames[..1].to_vec(), ..frames.clone() });
    assert!(!render_page(&page).unwrap().contains("\"kind\":\"frames\""));
    page.sections[0].figures[2].frames = Some(Frames {
        frames: vec![frame(1), Frame { name: "2".into(), figure: figure(FigureKind::HeatMap(Default::default())) }],
        ..frames
    });
    assert!(matches!(render_page(&page), Err(ReportError::Empty { .. })));
}

/// A range as wide as the longer axis, about its own middle, with 4 % of room at both ends.
fn scatter_range([low, high]: [f64; 2], longest: f64) -> serde_json::Value {
    let (middle, half) = ((low + high) / 2.0, longest * 1.08 / 2.0);
    let digits = |v: f64| format!("{v:.6e}").parse::<f64>().unwrap();
    serde_json::json!([digits(middle - half), digits(middle + half)])
}

#[test]
fn a_verdict_opens_down_to_its_rows_and_the_commands_that_repeat_them() {
    let html = render_page(&page()).unwrap();
    let prediction = &html[html.find("<article class=\"prediction").unwrap()..html.find("</article>").unwrap()];
    for text in [
        "version 1, on 32 rows",
        "<dt>Options</dt><dd>seed=0</dd>",
        "<dt>Value</dt><dd>0.98513, 95&nbsp;% interval [0.98512, 0.98514]</dd>",
        "(permuted units, 200 draws, p = 0.005)",
        "entry 0 of findings.json",
        "<code>kymograph measure same_index_cosine a.pt:conv1 b.pt:conv1</code>",
        "<code>kymograph judge run --predictions p.toml</code>",
    ] {
        assert!(prediction.contains(text), "'{text}' is missing: {prediction}");
    }
    assert!(html.contains("<li><span class=\"chip undecided\"") && html.contains("<a href=\"#p0-0\">"));
}

#[test]
fn ids_are_unique() {
    let html = render_page(&page()).unwrap();
    let mut ids: Vec<&str> = html.split(" id=\"").skip(1).map(|t| t.split('"').next().unwrap()).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
    for target in html.split("href=\"#").skip(1).map(|t| t.split('"').next().unwrap()) {
        assert!(ids.contains(&target), "#{target} leads nowhere");
    }
}

#[test]
fn hostile_names_are_shown_and_never_run() {
    let mut page = page();
    page.title = HOSTILE.into();
    page.subtitle = HOSTILE.into();
    page.warnings = vec![HOSTILE.into()];
    page.repeat = HOSTILE.into();
    page.facts = vec![(HOSTILE.into(), HOSTILE.into())];
    page.tables[0].columns[0] = HOSTILE.into();
    page.tables[0].rows[0][0] = HOSTILE.into();
    page.sections[0].title = HOSTILE.into();
    page.sections[0].text = HOSTILE.into();
    page.sections[0].figures[0].alt = HOSTILE.into();
    page.sections[0].figures[0].caption = HOSTILE.into();
    for placed in &mut page.sections[0].figures {
        match &mut placed.figure.kind {
            FigureKind::Curves(c) => c.panels[0].series[0].label = HOSTILE.into(),
            FigureKind::HeatMap(m) => m.panels[0].rows[0] = HOSTILE.into(),
            FigureKind::ImageGrid(g) => g.columns[0] = "<!--<script>".into(),
            _ => {}
        }
    }
    page.commands.insert(0, HOSTILE.into());
    page.findings[0].array = HOSTILE.into();
    page.findings[0].run.network = HOSTILE.into();
    page.findings[0].notes = vec![HOSTILE.into()];
    let verdict = &mut page.verdicts[0];
    verdict.outcome = Outcome::Hypothesis(HOSTILE.into());
    verdict.sentence = HOSTILE.into();
    verdict.remedy = Some(HOSTILE.into());
    verdict.hypotheses.insert(HOSTILE.into(), HOSTILE.into());
    let prediction = &mut verdict.predictions[0];
    for field in [&mut prediction.name, &mut prediction.text, &mut prediction.reason, &mut prediction.repeat] {
        *field = HOSTILE.into();
    }
    let html = render_page(&page).unwrap();
    assert_eq!(html.matches("<script").count(), 6, "the library, our own script and the data of four charts");
    assert_eq!(html.matches("</script").count(), 6);
    assert!(!html.contains("<img"));
    assert!(html.matches("&lt;script&gt;").count() > 15);
    let text = summary(&page);
    // Commands stand in fences, where text is text.
    let outside: String = text.split("```\n").step_by(2).collect();
    assert!(outside.contains("&lt;script&gt;"));
    assert!(!outside.contains("<script") && !outside.contains("<img"), "{outside}");
}

#[test]
fn predictions_must_cite_findings_that_exist_and_figures_must_have_their_own_names() {
    let mut wrong = page();
    wrong.verdicts[0].predictions[0].rows = vec![7];
    assert!(matches!(render_page(&wrong), Err(ReportError::NoSuchFinding { row: 7, findings: 2, .. })));
    let mut wrong = page();
    wrong.sections[0].figures[1].name = "curves".into();
    assert!(matches!(render_page(&wrong), Err(ReportError::DuplicateName { .. })));
    let mut wrong = page();
    wrong.sections[0].figures[1].name = "../up".into();
    assert!(matches!(render_page(&wrong), Err(ReportError::FileName { .. })));
}

#[test]
fn many_findings_are_cut_but_those_cited_stay() {
    let mut page = page();
    page.findings = (0..20_000).map(|i| finding(&format!("layer{i}.weight"), Some(0.5))).collect();
    page.verdicts[0].predictions[0].rows = (19_000..19_100).collect();
    let html = render_page(&page).unwrap();
    assert!(html.contains("3000 of 20\u{202f}000 findings"));
    let table = &html[html.find("id=\"evidence-table\"").unwrap()..];
    assert!(table.contains("layer19000.weight") && table.contains("layer19099.weight"));
    assert!(table.contains("layer0.weight") && !table.contains("layer15000.weight"));
    assert!(html.contains("40 more rows"));
    assert!(html.len() < 20_000_000);
}

#[test]
fn huge_drawings_become_rasters() {
    let mut page = page();
    let mut map = heat_map();
    let names = |n: usize| (0..n).map(|i| i.to_string()).collect::<Vec<_>>();
    let values: Vec<Vec<Option<f64>>> = (0..40).map(|i| (0..40).map(|j| Some(f64::from(i * j))).collect()).collect();
    map.panels = (0..6)
        .map(|i| kymograph_report::HeatPanel {
            title: format!("panel {i}"),
            rows: names(40),
            columns: names(40),
            values: values.clone(),
        })
        .collect();
    map.square = true;
    page.sections[0].figures[0].figure = figure(FigureKind::HeatMap(map));
    let html = render_page(&page).unwrap();
    assert!(html.contains("<img alt=\"\" src=\"data:image/png;base64,"));
}

#[test]
#[ignore = "draws a hundred figures"]
fn figures_beyond_the_page_s_limit_are_named_by_their_files() {
    let mut page = page();
    let mut large = curves();
    let x: Vec<f64> = (0..4000).map(f64::from).collect();
    let wave = |phase: f64| x.iter().map(|x| Some((x * phase).sin() + x * 1e-3)).collect();
    let series = |i: u32| Series {
        label: format!("series {i}"),
        x: x.clone(),
        y: wave(0.37 + f64::from(i)),
        ..Series::default()
    };
    large.panels[0].series = (0..6).map(series).collect();
    let figure = figure(FigureKind::Curves(large));
    page.sections[0].figures = (0..100).map(|i| placed((&format!("waves-{i}"), figure.clone()))).collect();
    let html = render_page(&page).unwrap();
    assert!(html.len() < 20_000_000);
    let named = html.matches("This page is full").count();
    assert!(named > 0 && named < 90, "{named}");
    assert!(html.contains("<a href=\"figures/waves-99.svg\">") && !html.contains("<a href=\"figures/waves-0.svg\">"));
}

#[test]
fn an_empty_page_and_one_without_predictions_render() {
    assert!(render_page(&Page::default()).unwrap().contains("No prediction was judged"));
    let mut bare = page();
    bare.kind = PageKind::Analysis;
    bare.verdicts.clear();
    let html = render_page(&bare).unwrap();
    assert!(html.contains("Analysis report") && !html.contains("id=\"predictions\""));
    assert!(summary(&bare).contains("No prediction was judged."));
}

#[test]
fn the_summary_holds_verdict_nulls_and_commands() {
    let text = summary(&page());
    assert!(text.starts_with("# Phases\n\nA CNN on MNIST\n\n## Phases or refinement?: undecided\n"));
    assert!(text.contains(
        "| Filters keep their identity | B | above 0.7 | 0.985 \\[0.970, 0.990\\] | 0.02 \\[−0.70, 0.75\\] | 3 of 5 | undecided |"
    ));
    assert!(text.contains("```\nkymograph run phases --seeds 0..8\n```"));
    assert!(text.contains("| fc |  |"));
}

#[test]
fn a_report_folder_holds_everything_and_is_the_same_twice() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let files = write_report(one.path(), &page()).unwrap();
    assert_eq!(files.figures.len(), 6);
    let again = write_report(two.path(), &page()).unwrap();
    let pairs = [(&files.page, &again.page), (&files.summary, &again.summary), (&files.findings, &again.findings)];
    for (a, b) in pairs {
        assert!(std::fs::read(a).unwrap() == std::fs::read(b).unwrap());
    }
    let json = std::fs::read_to_string(&files.findings).unwrap();
    let back: Vec<Finding> = serde_json::from_str(&json).unwrap();
    assert_eq!(back, page().findings);
    // A second report into the same folder replaces the first.
    write_report(one.path(), &page()).unwrap();
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let blocked = dir.path().join("file");
    std::fs::write(&blocked, "x").unwrap();
    let error = write_report(&blocked, &page()).unwrap_err().to_string();
    assert!(error.contains("could not write") && error.contains("file"), "{error}");
}

#[test]
fn pages_beside_the_report_run_no_script_and_lead_nowhere_else() {
    let table = SummaryTable {
        title: "Latents".into(),
        columns: vec!["latent".into(), "density".into()],
        rows: vec![vec!["7".into(), "0.5".into()], vec![HOSTILE.into()]],
        ..SummaryTable::default()
    };
    let leaf = LeafPage {
        title: HOSTILE.into(),
        links: vec![Link::new("../report.html", HOSTILE)],
        facts: vec![("density".into(), HOSTILE.into())],
        sections: vec![Section {
            title: "Examples".into(),
            figures: every_kind().into_iter().map(placed).collect(),
            ..Section::default()
        }],
        tables: vec![LinkedTable { table, hrefs: vec![Some("mlp/7.html".into())] }],
        ..LeafPage::default()
    };
    let html = render_leaf(&leaf).unwrap();
    assert!(!html.contains("<script") && html.contains("script-src\"") && !html.contains("<img src"));
    assert!(html.contains("href=\"..&#x2f;report.html\"") || html.contains("href=\"../report.html\""));
    assert_eq!(html.matches("<th scope=\"row\">").count(), 2);
    assert_eq!(html.matches("7.html").count(), 1);
    for href in ["http://evil.example/", "javascript:alert(1)", "/etc/passwd", "//evil.example", "", "a\\b"] {
        let mut leaf = leaf.clone();
        leaf.tables[0].hrefs = vec![Some(href.into())];
        assert!(matches!(render_leaf(&leaf), Err(ReportError::NotRelative { .. })), "{href}");
    }
}
