#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace equibolt {

/// Kinds of lines that can be told apart: `lt` 1 to this.
inline constexpr std::size_t kLineTypes = 5;

/// One figure of gnuplot's: columns of numbers and the commands that draw them.
struct Plot {
  std::string name;                       ///< of its files
  std::vector<std::string> columns;       ///< what each column of `rows` is, for the head of the file
  std::vector<std::vector<double>> rows;  ///< NaN: no value there
  std::string commands;                   ///< gnuplot; DATA, outside of strings, stands for the file of rows
};

/// The text as a string of gnuplot's that is taken as it is, whatever is in it: in single quotes.
std::string gnuplot_text(const std::string& text);

/// Writes NAME.dat, NAME.gp and NAME.svg into the folder and returns the SVG. `gnuplot NAME.gp` there draws
/// it again. Throws IoError when gnuplot is not installed or fails.
std::string draw(const Plot& plot, const std::filesystem::path& folder);

/// Whether gnuplot can be run.
bool has_gnuplot();

}  // namespace equibolt
