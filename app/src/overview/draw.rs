//! The two drawings, as SVG text. Numbers alone go into it, never a name.

use std::fmt::Write as _;

/// The crossing bar: land is wide where people stand and narrow where they walk. A part that is not empty is never
/// thinner than two hundredths.
pub fn crossing(old: i64, way: i64, new: i64) -> String {
    let said = |number| crate::people::count_text(number);
    let label = format!("{} on the old shore, {} on the way, {} on the new shore", said(old), said(way), said(new));
    let mut svg = format!(r#"<svg class="crossing big" role="img" aria-label="{label}">"#);
    let shares = shares([old, way, new]);
    let [o, w, n] = shares;
    if o + w + n == 0 {
        svg.push_str(r#"<rect class="water" y="48%" width="100%" height="4%"></rect></svg>"#);
        return svg;
    }
    let per_cent = |tenths: i64| format!("{}.{}%", tenths / 10, tenths % 10);
    if w > 0 {
        // It reaches under both shores, so that no gap shows where they curve.
        let (from, to) = (if o > 0 { o / 2 } else { 0 }, if n > 0 { o + w + n / 2 } else { 1000 });
        let _ = write!(
            svg,
            r#"<rect class="w" x="{}" y="36%" width="{}" height="28%"></rect>"#,
            per_cent(from),
            per_cent(to - from)
        );
    }
    if o > 0 {
        let _ = write!(svg, r#"<rect class="o" width="{}" height="100%" rx="5"></rect>"#, per_cent(o));
    }
    if n > 0 {
        let _ = write!(
            svg,
            r#"<rect class="n" x="{}" width="{}" height="100%" rx="5"></rect>"#,
            per_cent(o + w),
            per_cent(n)
        );
    }
    if w > 0 && o > 0 {
        let _ = write!(
            svg,
            r#"<svg x="{}" overflow="visible"><path class="o" d="M-6 0H-4C1 9 5 13 20 13V23C5 23 1 27-4 36H-6Z"></path></svg>"#,
            per_cent(o)
        );
    }
    if w > 0 && n > 0 {
        let _ = write!(
            svg,
            r#"<svg x="{}" overflow="visible"><path class="n" d="M6 0H4C-1 9-5 13-20 13V23C-5 23-1 27 4 36H6Z"></path></svg>"#,
            per_cent(o + w)
        );
    }
    svg.push_str("</svg>");
    svg
}

/// Thousandths that add up to a thousand, none of them a sliver.
fn shares(parts: [i64; 3]) -> [i64; 3] {
    const LEAST: i64 = 20;
    let total: i64 = parts.iter().sum();
    if total <= 0 {
        return [0; 3];
    }
    let mut shares = parts.map(|part| if part > 0 { (part.saturating_mul(1000) / total).max(LEAST) } else { 0 });
    let widest = if shares[0] >= shares[1] && shares[0] >= shares[2] {
        0
    } else if shares[1] >= shares[2] {
        1
    } else {
        2
    };
    shares[widest] += 1000 - shares.iter().sum::<i64>();
    shares
}

/// One bar of the chart.
#[derive(Debug, Clone, Copy)]
pub struct Bar {
    pub hub: i64,
    pub delegated: i64,
    pub refused: i64,
}

/// Where the baseline is, in thousandths of the height, and how high the highest bar may be.
const BASE: i64 = 880;
const HIGH: i64 = 704;

/// Stacked bars for the hours of a day, with a baseline, two grid lines and their numbers.
pub fn sign_ins(bars: &[Bar]) -> String {
    let mut svg = String::from(
        r#"<svg height="150" role="img" aria-label="Sign-ins per hour today by path. The table below has the numbers.">"#,
    );
    let most = bars.iter().map(|bar| bar.hub + bar.delegated + bar.refused).max().unwrap_or(0);
    let top = round_up(most);
    let per_cent = |thousandths: i64| format!("{}.{}%", thousandths / 10, thousandths % 10);
    let _ = write!(svg, r#"<line class="axis" x1="0" x2="100%" y1="{0}" y2="{0}"></line>"#, per_cent(BASE));
    for part in [top / 2, top] {
        let y = per_cent(BASE - HIGH * part / top.max(1));
        let _ = write!(
            svg,
            r#"<line class="gridline" x1="0" x2="100%" y1="{y}" y2="{y}"></line><text x="0" y="{y}" dy="-4">{}</text>"#,
            crate::people::count_text(part)
        );
    }
    for (hour, bar) in bars.iter().enumerate().take(24) {
        // The first hundredth is left to the numbers of the grid.
        let x = per_cent(40 + 40 * i64::try_from(hour).unwrap_or(0));
        let mut below = 0;
        for (class, number) in [("hub", bar.hub), ("del", bar.delegated), ("ref", bar.refused)] {
            if number <= 0 {
                continue;
            }
            let height = (HIGH * number / top.max(1)).max(5);
            let y = BASE - below - height;
            below += height;
            let _ = write!(
                svg,
                r#"<rect class="{class}" x="{x}" y="{}" width="3%" height="{}"></rect>"#,
                per_cent(y),
                per_cent(height)
            );
        }
    }
    for hour in [0, 6, 12, 18] {
        let x = per_cent(55 + 40 * hour);
        let _ = write!(svg, r#"<text x="{x}" y="100%" dy="-2" text-anchor="middle">{hour:02}</text>"#);
    }
    svg.push_str("</svg>");
    svg
}

/// The next number that begins with 2, 4 or 10, so that half of it is round as well.
fn round_up(number: i64) -> i64 {
    let mut step = 1;
    loop {
        for factor in [2, 4, 10] {
            if number <= factor * step {
                return factor * step;
            }
        }
        step *= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_the_bar_add_up_and_none_is_a_sliver() {
        for parts in [[1, 0, 0], [0, 0, 7], [1, 1, 1_000_000], [0, 3, 200_000], [5_127, 1_708, 11_405], [33, 33, 33]] {
            let shares = shares(parts);
            assert_eq!(shares.iter().sum::<i64>(), 1000, "{parts:?}");
            for (part, share) in parts.iter().zip(shares) {
                assert_eq!(*part == 0, share == 0, "{parts:?}");
                assert!(share == 0 || share >= 20, "{parts:?}: {share}");
            }
        }
        assert_eq!(shares([0, 0, 0]), [0, 0, 0]);
    }

    #[test]
    fn grid_lines_bear_round_numbers() {
        for (number, top) in [(0, 2), (1, 2), (3, 4), (5, 10), (11, 20), (39, 40), (41, 100), (2_345, 4_000)] {
            assert_eq!(round_up(number), top);
        }
    }
}
