#include "report/page.h"

#include <fmt/format.h>

#include <cstdint>
#include <string_view>

namespace equibolt {
namespace {

// Plain, printable, light or dark as the reader's system is. Figures are drawn dark on nothing; in dark mode
// their lightness is inverted while their hues stay. A table that is wider than the page scrolls, and has a
// shadow at each side where more of it is hidden.
constexpr std::string_view kStyle = R"(
:root { color-scheme: light dark; --ink: #1a1a1a; --faint: #666; --line: #ccc; --paper: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e4e4; --faint: #a0a0a0; --line: #444; --paper: #161616; }
  figure img { filter: invert(1) hue-rotate(180deg); }
}
html { background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 74rem; margin: 0 auto; padding: 1.5rem clamp(1rem, 4vw, 3rem) 4rem; }
h1, h2, p { overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 0.5rem; }
h2 { break-after: avoid; font-size: 1.15rem; margin: 2.5rem 0 0.5rem; padding-top: 0.6rem; border-top: 1px solid var(--line); }
p { max-width: 46rem; margin: 0.5rem 0; }
.missing { color: var(--faint); font-style: italic; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 27rem), 1fr)); gap: 1.5rem; }
figure { margin: 1rem 0 0; break-inside: avoid; }
figure img { width: 100%; height: auto; display: block; }
figcaption, .caption { color: var(--faint); font-size: 0.875rem; line-height: 1.4; text-align: left; }
.wide { overflow-x: auto; background: linear-gradient(to right, var(--paper) 30%, transparent),
  linear-gradient(to left, var(--paper) 30%, transparent) 100% 0, linear-gradient(to right, var(--line), transparent),
  linear-gradient(to left, var(--line), transparent) 100% 0; background-repeat: no-repeat;
  background-size: 3rem 100%, 3rem 100%, 0.9rem 100%, 0.9rem 100%; background-attachment: local, local, scroll, scroll; }
table { border-collapse: collapse; margin: 0.25rem 0 1rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.25rem 0.9rem 0.25rem 0; text-align: right; border-bottom: 1px solid var(--line); vertical-align: top; }
th:first-child, td:first-child { text-align: left; }
th { font-weight: 600; }
td { white-space: nowrap; }
td:first-child { white-space: normal; min-width: 8rem; }
details { margin: 1rem 0; }
summary { cursor: pointer; }
pre { overflow-x: auto; font-size: 0.8125rem; line-height: 1.4; }
@media print { html { font-size: 11px; } details, .missing { display: none; } body { padding: 0; } }
)";

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t k = 0; k < bytes.size(); k += 3) {
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      group = group << 8 | (k + i < bytes.size() ? static_cast<unsigned char>(bytes[k + i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      out += k + i > bytes.size() ? '=' : kDigits[group >> (18 - 6 * i) & 63];
    }
  }
  return out;
}

}  // namespace

std::string html_escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

void Page::heading(const std::string& text) {
  body_ += fmt::format("<h2>{}</h2>\n", html_escaped(text));
}

void Page::paragraph(const std::string& text) {
  body_ += fmt::format("<p>{}</p>\n", html_escaped(text));
}

void Page::missing(const std::string& text) {
  body_ += fmt::format("<p class=\"missing\">{}</p>\n", html_escaped(text));
}

void Page::table(const TableRows& rows, const std::string& caption) {
  body_ += fmt::format(
      "<p class=\"caption\">{}</p>\n<div class=\"wide\" tabindex=\"0\" role=\"region\" "
      "aria-label=\"table\"><table>\n",
      html_escaped(caption));
  for (std::size_t r = 0; r < rows.size(); ++r) {
    body_ += "<tr>";
    for (const std::string& cell : rows[r]) {
      body_ += fmt::format("<{0}>{1}</{0}>", r == 0 ? "th" : "td", html_escaped(cell));
    }
    body_ += "</tr>\n";
  }
  body_ += "</table></div>\n";
}

void Page::figure(const std::string& svg, const std::string& alternative, const std::string& caption) {
  const std::string figure = fmt::format(
      "<figure><img src=\"data:image/svg+xml;base64,{}\" alt=\"{}\">\n<figcaption>{}</figcaption></figure>\n",
      base64(svg), html_escaped(alternative), html_escaped(caption));
  // Neighbouring figures share a grid.
  constexpr std::string_view kEnd = "</div><!--figures-->\n";
  if (body_.ends_with(kEnd)) {
    body_.resize(body_.size() - kEnd.size());
    body_ += figure;
  } else {
    body_ += "<div class=\"figures\">" + figure;
  }
  body_ += kEnd;
}

void Page::details(const std::string& summary, const std::string& text) {
  body_ += fmt::format("<details><summary>{}</summary><pre>{}</pre></details>\n", html_escaped(summary),
                       html_escaped(text));
}

std::string Page::html() const {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{0}</title>\n<style>{1}</style></head>\n<body>\n<h1>{0}</h1>\n{2}</body></html>\n",
      html_escaped(title_), kStyle, body_);
}

}  // namespace equibolt
