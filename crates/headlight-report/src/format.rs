//! How numbers are written for people: the same in every table, sentence and figure.

/// A share as per cent with one decimal and no sign: `80.8`.
pub fn percent(share: f64) -> String {
    format!("{:.1}", 100.0 * share)
}

/// A difference of shares in points with its sign: `+21.2`, `−3.0`, `0.0`.
pub fn points(difference: f64) -> String {
    let rounded = (1000.0 * difference).round() / 10.0;
    match rounded {
        r if r > 0.0 => format!("+{r:.1}"),
        r if r < 0.0 => format!("−{:.1}", -r),
        _ => "0.0".to_owned(),
    }
}

/// A p-value: `0.031`, `< 0.001`.
pub fn p_value(p: f64) -> String {
    if p < 0.001 { "< 0.001".to_owned() } else { format!("{p:.3}") }
}

/// Significance marks: `***` below 0.001, `**` below 0.01, `*` below 0.05.
pub fn stars(p: Option<f64>) -> &'static str {
    match p {
        Some(p) if p < 0.001 => "***",
        Some(p) if p < 0.01 => "**",
        Some(p) if p < 0.05 => "*",
        _ => "",
    }
}

/// A count with thousands separators: `25,147`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// An offset with its sign: `+1`, `−2`.
pub fn offset(offset: i32) -> String {
    if offset < 0 { format!("−{}", offset.unsigned_abs()) } else { format!("+{offset}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(percent(0.80753), "80.8");
        let differences = [0.2123, -0.03, 0.0, -0.0001, 0.0001].map(points);
        assert_eq!(differences, ["+21.2", "−3.0", "0.0", "0.0", "0.0"]);
        assert_eq!([0.0312, 0.00099, 1.0].map(p_value), ["0.031", "< 0.001", "1.000"]);
        assert_eq!([Some(0.0), Some(0.005), Some(0.04), Some(0.05), None].map(stars), ["***", "**", "*", "", ""]);
        assert_eq!([0, 999, 1000, 25_147, 1_234_567].map(count), ["0", "999", "1,000", "25,147", "1,234,567"]);
        assert_eq!([1, -2].map(offset), ["+1", "−2"]);
    }
}
