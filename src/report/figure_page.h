#pragma once

#include <filesystem>
#include <string>

#include "report/gnuplot.h"
#include "report/page.h"

namespace equibolt {

/// A page with the folder that its figures go to.
class FigurePage {
 public:
  FigurePage(Page page, std::filesystem::path figures)
      : page_(std::move(page)), figures_(std::move(figures)) {}

  Page& page() { return page_; }

  /// Draws it; one without rows is told to be missing.
  void figure(const Plot& plot, const std::string& alternative, const std::string& caption);

 private:
  Page page_;
  std::filesystem::path figures_;
};

}  // namespace equibolt
