#pragma once

#include <string>
#include <vector>

namespace equibolt {

/// The text with what HTML would take for markup replaced.
std::string html_escaped(const std::string& text);

/// The first row is the head; the first column is text, the others numbers.
using TableRows = std::vector<std::vector<std::string>>;

/// One self-contained HTML page: text, tables and figures below headings. All text is escaped.
class Page {
 public:
  explicit Page(std::string title) : title_(std::move(title)) {}

  void heading(const std::string& text);
  void paragraph(const std::string& text);
  /// What the page would show, had the run got so far.
  void missing(const std::string& text);
  void table(const TableRows& rows, const std::string& caption);
  /// `svg` is embedded; `alternative` says in words what one would see.
  void figure(const std::string& svg, const std::string& alternative, const std::string& caption);
  /// Preformatted text that one opens.
  void details(const std::string& summary, const std::string& text);

  std::string html() const;

 private:
  std::string title_;
  std::string body_;
};

}  // namespace equibolt
