use super::*;

/// Two groups, texts that every format must escape, a best cell.
fn sheet() -> Sheet {
    Sheet {
        groups: vec![
            vec![vec!["all-nopunct-noroot".into(), "4-5".into(), "41.3".into()]],
            vec![
                vec!["nmod:poss".into(), "7-6".into(), SheetCell::strong("80.5")],
                vec!["<script>|50%_&".into(), "−".into(), "9.0".into()],
            ],
        ],
        notes: vec!["Words right in % of a relation's words; the best is bold *and* nothing else.".into()],
        ..Sheet::new("Heads & baselines", &["<relation", "<head", ">accuracy"])
    }
}

#[test]
fn plain_text_fits_its_width() {
    insta::assert_snapshot!(sheet().to_text(32), @r"
    Heads & baselines

    relation          head  accuracy
    ────────────────  ────  ────────
    all-nopunct-nor…  4-5       41.3
    ────────────────  ────  ────────
    nmod:poss         7-6       80.5
    <script>|50%_&    −          9.0

    Words right in % of a relation's
    words; the best is bold *and*
    nothing else.
    ");
    assert!(sheet().to_text(80).contains("all-nopunct-noroot  4-5       41.3\n"));
}

#[test]
fn markdown_escapes_what_would_be_markup() {
    insta::assert_snapshot!(sheet().to_markdown(), @r"
    | relation | head | accuracy |
    | --- | --- | ---: |
    | all-nopunct-noroot | 4-5 | 41.3 |
    | nmod:poss | 7-6 | **80.5** |
    | \<script>\|50%\_& | − | 9.0 |

    Words right in % of a relation's words; the best is bold \*and\* nothing else.
    ");
}

#[test]
fn latex_escapes_what_would_be_commands() {
    insta::assert_snapshot!(sheet().to_latex("tab:heads"), @r"
    % needs \usepackage{booktabs}
    \begin{table}
      \centering
      \caption{Heads \& baselines}
      \label{tab:heads}
      \begin{tabular}{llr}
        \toprule
        relation & head & accuracy \\
        \midrule
        all-nopunct-noroot & 4-5 & 41.3 \\
        \midrule
        nmod:poss & 7-6 & \textbf{80.5} \\
        \textless{}script\textgreater{}\textbar{}50\%\_\& & $-$ & 9.0 \\
        \bottomrule
      \end{tabular}

      \smallskip
      {\footnotesize Words right in \% of a relation's words; the best is bold *and* nothing else.\par}
    \end{table}
    ");
    assert_eq!(escape_latex(r#"\a{b}^~"<"#), r"\textbackslash{}a\{b\}\textasciicircum{}\textasciitilde{}''\textless{}");
}

#[test]
fn latex_aligns_what_spaces_align_and_sets_long_tables_small() {
    let sheet = |rows: usize| {
        let row = || vec!["  7-6 →   34.5".into(), SheetCell::strong("7-6 →    9.0")];
        Sheet { groups: vec![vec![row(); rows]], ..Sheet::new("", &["<head", "<other"]) }.to_latex("tab:long")
    };
    let row = r"\phantom{0}\phantom{0}7-6 $\to$ \hfill 34.5 & \textbf{7-6 $\to$ \hfill 9.0} \\";
    assert!(sheet(1).contains(row), "{}", sheet(1));
    assert!(sheet(40).contains("  \\footnotesize\n  \\begin{tabular}"));
    assert!(sheet(41).contains("  \\scriptsize\n  \\begin{tabular}"));
}

#[test]
fn html_escapes_what_would_be_elements() {
    insta::assert_snapshot!(sheet().to_html(), @r#"
    <table>
    <caption>Heads &amp; baselines</caption>
    <thead><tr><th scope="col">relation</th><th scope="col">head</th><th scope="col" class="number">accuracy</th></tr></thead>
    <tbody>
    <tr><td>all-nopunct-noroot</td><td>4-5</td><td class="number">41.3</td></tr>
    </tbody>
    <tbody>
    <tr><td>nmod:poss</td><td>7-6</td><td class="number"><strong>80.5</strong></td></tr>
    <tr><td>&lt;script&gt;|50%_&amp;</td><td>−</td><td class="number">9.0</td></tr>
    </tbody>
    </table>
    <p>Words right in % of a relation&#39;s words; the best is bold *and* nothing else.</p>
    "#);
    assert_eq!(escape_html(r#"<a href="x" title='y'>&"#), "&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;");
}

#[test]
fn names_keep_their_direction_of_writing_to_themselves() {
    let check = |name: &str, expected: &str| assert_eq!(format!("{} found", isolated(name)), expected);
    check("nsubj:pass", "nsubj:pass found");
    check("名詞", "名詞 found");
    check("שלום", "\u{2068}שלום\u{2069} found");
    check("a\u{202e}b", "\u{2068}a\u{202e}b\u{2069} found");
}

#[test]
fn a_sheet_without_rows_still_renders() {
    assert_eq!(Sheet::new("", &["<relation", ">accuracy"]).to_text(80), "relation  accuracy\n");
}
