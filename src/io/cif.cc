#include "io/cif.h"

// The one file that knows gemmi, whose grammar takes long to compile. gemmi 0.5.7 has vectors of types that
// are not complete yet, which clang accepts up to C++17 only: hence this file's standard, set in
// CMakeLists.txt.
#include <gemmi/cif.hpp>

namespace equibolt {

namespace cif = gemmi::cif;

struct CifFile::Document {
  cif::Document content;
};

CifFile::CifFile(std::string_view text, const std::string& origin)
    : document_(new Document{cif::read_memory(text.data(), text.size(), origin.c_str())}) {}

CifFile::~CifFile() = default;

bool CifFile::for_each_row(const std::string& category, const std::vector<std::string>& columns,
                           const std::function<void(const std::vector<std::string>&)>& row) const {
  for (cif::Block& block : document_->content.blocks) {
    cif::Table table = block.find(category, columns);
    if (!table.ok()) continue;
    std::vector<std::string> values(columns.size());
    for (const auto& found : table) {
      for (std::size_t k = 0; k < columns.size(); ++k) {
        values[k] = found.has(k) ? cif::as_string(found[static_cast<int>(k)]) : std::string();
      }
      row(values);
    }
    return true;
  }
  return false;
}

std::string CifFile::value(const std::string& tag) const {
  for (const cif::Block& block : document_->content.blocks) {
    if (const std::string* found = block.find_value(tag)) return cif::as_string(*found);
  }
  return "";
}

}  // namespace equibolt
