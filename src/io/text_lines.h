#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What the readers of text formats share.

namespace equibolt {

/// More atoms are refused, whatever a file announces.
inline constexpr std::size_t kMostAtoms = 1000000;

/// A text's lines, counted from 1, without their ends (LF, CR LF or CR); a byte-order mark at the beginning
/// is passed over. `text` and `origin` have to outlive it.
class TextLines {
 public:
  TextLines(std::string_view text, const std::string& origin);

  /// False at the end of the text.
  bool next(std::string_view& line);
  /// "file:7", of the line that `next` has given.
  std::string where() const;

 private:
  std::string_view text_;
  const std::string& origin_;
  std::size_t number_ = 0;
};

std::string_view trimmed(std::string_view text);
/// What blanks and tabs separate.
std::vector<std::string_view> words_of(std::string_view line);
bool is_whole_number(std::string_view word);

/// A number, also with a leading plus or Fortran's exponent D, or nothing.
std::optional<double> number_in(std::string_view text);
/// The same, finite. Throws DataError "where: what: expected …".
double finite_number(std::string_view text, const std::string& where, const char* what);
/// The atomic number of an element's symbol. Throws DataError, which explains virtual sites.
int element_of(std::string_view symbol, const std::string& where);

}  // namespace equibolt
