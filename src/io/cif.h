#pragma once

// Nothing of equibolt is included here: cif.cc is compiled as C++17, see there.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace equibolt {

/// The content of a CIF file, the syntax of mmCIF: blocks of single items and tables. Values are without
/// their quotation marks, and empty where they are "." (inapplicable) or "?" (unknown).
class CifFile {
 public:
  /// Throws std::runtime_error, with line and column, where the text is not CIF.
  CifFile(std::string_view text, const std::string& origin);
  ~CifFile();
  CifFile(const CifFile&) = delete;
  CifFile& operator=(const CifFile&) = delete;

  /// Calls `row` with the values of `columns` (after the category, "_atom_site.") for each row of the first
  /// table that has them; those with '?' in front need not be there, and then are empty. False where there is
  /// no such table.
  bool for_each_row(const std::string& category, const std::vector<std::string>& columns,
                    const std::function<void(const std::vector<std::string>&)>& row) const;
  /// A single item's value; empty where there is none.
  std::string value(const std::string& tag) const;

 private:
  struct Document;
  std::unique_ptr<Document> document_;
};

}  // namespace equibolt
