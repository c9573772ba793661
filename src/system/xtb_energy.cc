// The only file that includes xtb's header; xtb_absent.cc takes its place where there is no xtb.

#include "system/xtb_energy.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>
#include <xtb.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <mutex>
#include <numeric>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

#include "chemistry/elements.h"
#include "core/sanitizers.h"
#include "equibolt/error.h"
#include "system/units.h"

#ifdef EQUIBOLT_ADDRESS_SANITIZER
/// The library keeps the text of each error that it has reported, some 60 bytes.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:__xtb_type_environment_MOD_error";
}
#endif

namespace equibolt {
namespace {

constexpr double kWarmDistance = 0.2;  // Å
constexpr double kHotter = 10;         // the second try's electronic temperature over the first's

/// xtb's objects can be used by many threads, each its own, but not made.
std::mutex& construction() {
  static std::mutex mutex;
  return mutex;
}

/// Parallelism is over configurations: within one, threads only cost.
void use_one_thread() {
  using SetThreads = void (*)(int);
  for (const char* name : {"omp_set_num_threads", "openblas_set_num_threads"}) {
    if (void* symbol = dlsym(RTLD_DEFAULT, name)) reinterpret_cast<SetThreads>(symbol)(1);
  }
}

/// An open file or folder.
class Descriptor {
 public:
  Descriptor(const char* path, int flags) : number_(open(path, flags | O_CLOEXEC)) {}
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int number() const { return number_; }

 private:
  int number_;
};

/// While it lives, what is written to standard output goes nowhere: GFN-FF prints tables of its topology
/// there, whatever its verbosity. Fortran has a buffer of its own, which is emptied before and after.
class SilentOutput {
 public:
  SilentOutput() : kept_(dup(STDOUT_FILENO)) {
    flush();
    const Descriptor nowhere("/dev/null", O_WRONLY);
    if (kept_.number() >= 0 && nowhere.number() >= 0) dup2(nowhere.number(), STDOUT_FILENO);
  }
  ~SilentOutput() {
    flush();
    if (kept_.number() >= 0) dup2(kept_.number(), STDOUT_FILENO);
  }
  SilentOutput(const SilentOutput&) = delete;
  SilentOutput& operator=(const SilentOutput&) = delete;

 private:
  static void flush() {
    std::fflush(stdout);
    using FlushUnit = void (*)(const int*);
    if (void* symbol = dlsym(RTLD_DEFAULT, "_gfortran_flush_i4")) {
      const int standard_output = 6;
      reinterpret_cast<FlushUnit>(symbol)(&standard_output);
    }
  }

  Descriptor kept_;
};

std::string reason_of(int error) {
  return std::generic_category().message(error);
}

/// Runs `body` with `folder` as the working directory of this thread alone. False, and nothing is run, where
/// the system does not permit that: Docker's and Kubernetes' default profiles refuse `unshare`.
bool run_in_own_directory(const std::string& folder, const std::function<void()>& body) {
  bool permitted = true;
  std::exception_ptr error;
  std::thread([&] {
    try {
      // From here on this thread's working directory is not that of the process.
      permitted = unshare(CLONE_FS) == 0;
      if (!permitted) return;
      if (chdir(folder.c_str()) != 0) throw IoError("{}: cannot be entered: {}", folder, reason_of(errno));
      body();
    } catch (...) {
      error = std::current_exception();
    }
  }).join();
  if (error) std::rethrow_exception(error);
  return permitted;
}

/// Runs `body` with `folder` as the working directory of the whole process, and goes back. Nothing here opens
/// files by relative paths in other threads while an energy is made.
void run_in_shared_directory(const std::string& folder, const std::function<void()>& body) {
  const Descriptor before(".", O_RDONLY | O_DIRECTORY);
  if (before.number() < 0) throw IoError("the working directory cannot be opened: {}", reason_of(errno));
  if (chdir(folder.c_str()) != 0) throw IoError("{}: cannot be entered: {}", folder, reason_of(errno));
  const auto go_back = [&] {
    if (fchdir(before.number()) != 0)
      throw IoError("the working directory cannot be entered again: {}", reason_of(errno));
  };
  try {
    body();
  } catch (...) {
    go_back();
    throw;
  }
  go_back();
}

/// Runs `body` in an empty working directory: xtb reads parameters, topologies and restart files from there,
/// and GFN-FF leaves files.
void in_empty_folder(const std::function<void()>& body) {
  std::string folder = (std::filesystem::temp_directory_path() / "equibolt-xtb-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) {
    throw IoError("{}: a temporary folder cannot be created: {}", folder, reason_of(errno));
  }
  struct Removal {
    const std::string& folder;
    ~Removal() {
      std::error_code ignored;
      std::filesystem::remove_all(folder, ignored);
    }
  } const removal{folder};
  if (!run_in_own_directory(folder, body)) run_in_shared_directory(folder, body);
}

const char* parameter_file_name(XtbMethod method) {
  switch (method) {
    case XtbMethod::gfn1:
      return "param_gfn1-xtb.txt";
    case XtbMethod::gfn2:
      return "param_gfn2-xtb.txt";
    default:
      return ".param_gfnff.xtb";
  }
}

/// The folders where xtb looks for parameters, besides the working directory.
std::vector<std::filesystem::path> parameter_folders() {
  std::vector<std::filesystem::path> folders;
  for (const char* variable : {"XTBPATH", "XTBHOME", "HOME"}) {
    const char* value = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe): nothing here sets it
    std::string rest = value == nullptr ? "" : value;
    while (!rest.empty()) {
      const auto end = std::min(rest.find(':'), rest.size());
      if (end > 0) folders.emplace_back(rest.substr(0, end));
      rest.erase(0, std::min(end + 1, rest.size()));
    }
  }
  return folders;
}

void refuse_stray_parameters(const XtbParameters& parameters) {
  if (!parameters.parameters.empty()) return;
  for (const auto& folder : parameter_folders()) {
    const auto path = folder / parameter_file_name(parameters.method);
    if (std::filesystem::exists(path)) {
      throw UsageError(
          "xtb would use the parameters of {} instead of its own; move it away, or name it in "
          "system.parameters to use it",
          path.string());
    }
  }
}

/// The elements and how many atoms there are of each, in Hill's order: "C6H12N2O2".
std::string formula_of(const std::vector<int>& elements) {
  std::map<std::string, int> counts;
  for (const int element : elements) ++counts[std::string(element_symbol(element))];
  std::string formula;
  const auto append = [&](const std::string& symbol) {
    const auto found = counts.find(symbol);
    if (found == counts.end()) return;
    formula += symbol + (found->second > 1 ? std::to_string(found->second) : "");
    counts.erase(found);
  };
  if (counts.contains("C")) {
    append("C");
    append("H");
  }
  while (!counts.empty()) append(std::string(counts.begin()->first));
  return formula;
}

void check_electrons(const Molecule& molecule, const XtbParameters& p) {
  const std::vector<int> elements = molecule.elements();
  const int electrons = std::accumulate(elements.begin(), elements.end(), 0) - p.charge;
  const auto unpaired = static_cast<int>(p.unpaired);
  if (electrons < 1 || unpaired > electrons || (electrons - unpaired) % 2 != 0) {
    throw UsageError(
        "{}: {} with charge {} has {} electrons, of which {} cannot be unpaired; set system.charge or "
        "system.unpaired, or correct the elements in the structure",
        molecule.origin, formula_of(elements), p.charge, electrons, unpaired);
  }
}

const char* name_of(XtbMethod method) {
  switch (method) {
    case XtbMethod::gfn1:
      return "GFN1-xTB";
    case XtbMethod::gfn2:
      return "GFN2-xTB";
    default:
      return "GFN-FF";
  }
}

/// Every name that xtb's documentation lists for GBSA or ALPB, of which each method knows some.
constexpr const char* kSolvents[] = {"acetone", "acetonitrile", "aniline",      "benzaldehyde", "benzene",
                                     "ch2cl2",  "chcl3",        "cs2",          "dioxane",      "dmf",
                                     "dmso",    "ether",        "ethylacetate", "furane",       "hexadecane",
                                     "hexane",  "methanol",     "nitromethane", "octanol",      "phenol",
                                     "thf",     "toluene",      "water",        "woctanol"};

}  // namespace

struct XtbEnergy::Impl {
  Impl(const Molecule& molecule, const XtbParameters& p) : parameters(p), last(molecule.positions.size()) {
    const std::lock_guard lock(construction());
    in_empty_folder([&] { construct(molecule); });
  }
  ~Impl() {
    const std::lock_guard lock(construction());
    destroy();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void construct(const Molecule& molecule);
  void set_solvent();
  bool accepts_solvent(std::string name);
  void destroy();
  /// The oldest error's text; empties the list.
  std::string take_error();
  void require_no_error(const char* what);
  /// One single point at the electronic temperature that is set: whether all of it is there and finite.
  bool try_once(double* energy, double* gradient);
  EnergyStatus evaluate(std::span<const double> x, double* energy, std::span<double> gradient);
  /// The next configuration starts from a fresh density. After an error results are poisoned and must go.
  void forget() {
    xtb_delResults(&results);
    results = xtb_newResults();
    warm = false;
  }

  XtbParameters parameters;
  xtb_TEnvironment environment = nullptr;
  xtb_TMolecule molecule_handle = nullptr;
  xtb_TCalculator calculator = nullptr;
  xtb_TResults results = nullptr;
  bool warm = false;
  std::vector<double> last;           // (N, 3), Å: where `results` are from
  std::vector<double> bohr, hartree;  // (N, 3): positions, gradient
};

void XtbEnergy::Impl::construct(const Molecule& molecule) {
  use_one_thread();
  std::vector<int> elements = molecule.elements();
  const int atoms = static_cast<int>(elements.size());
  bohr.resize(last.size());
  hartree.resize(last.size());
  for (std::size_t k = 0; k < bohr.size(); ++k) bohr[k] = molecule.positions[k] / units::bohr_angstrom;
  const double charge = parameters.charge;
  const int unpaired = static_cast<int>(parameters.unpaired);
  try {
    environment = xtb_newEnvironment();
    xtb_setVerbosity(environment, XTB_VERBOSITY_MUTED);
    molecule_handle = xtb_newMolecule(environment, &atoms, elements.data(), bohr.data(), &charge, &unpaired,
                                      nullptr, nullptr);
    require_no_error("molecule");
    calculator = xtb_newCalculator();
    std::string file = parameters.parameters;
    char* name = file.empty() ? nullptr : file.data();
    switch (parameters.method) {
      case XtbMethod::gfn2:
        xtb_loadGFN2xTB(environment, molecule_handle, calculator, name);
        break;
      case XtbMethod::gfn1:
        xtb_loadGFN1xTB(environment, molecule_handle, calculator, name);
        break;
      case XtbMethod::gfnff: {
        const SilentOutput silence;
        xtb_loadGFNFF(environment, molecule_handle, calculator, name);
        break;
      }
    }
    require_no_error("parameters");
    if (!parameters.solvent.empty()) set_solvent();
    if (parameters.method != XtbMethod::gfnff) {
      xtb_setMaxIter(environment, calculator, static_cast<int>(parameters.max_iterations));
      xtb_setElectronicTemp(environment, calculator, parameters.electronic_temperature);
      require_no_error("options");
    }
    results = xtb_newResults();
  } catch (...) {
    destroy();
    throw;
  }
}

bool XtbEnergy::Impl::accepts_solvent(std::string name) {
  // A model that is there already, even one that could not be made, ends the program.
  xtb_releaseSolvent(environment, calculator);
  xtb_setSolvent(environment, calculator, name.data(), nullptr, nullptr, nullptr);
  if (xtb_checkEnvironment(environment) == 0) return true;
  take_error();
  return false;
}

void XtbEnergy::Impl::set_solvent() {
  if (accepts_solvent(parameters.solvent)) return;
  std::string known;
  for (const char* name : kSolvents) {
    if (accepts_solvent(name)) known += (known.empty() ? "" : ", ") + std::string(name);
  }
  throw UsageError(
      "system.solvent: xtb has no parameters for '{}' with {}; expected one of {}, or \"\" for vacuum",
      parameters.solvent, name_of(parameters.method), known);
}

void XtbEnergy::Impl::destroy() {
  if (results != nullptr) xtb_delResults(&results);
  if (calculator != nullptr) xtb_delCalculator(&calculator);
  if (molecule_handle != nullptr) xtb_delMolecule(&molecule_handle);
  if (environment != nullptr) xtb_delEnvironment(&environment);
}

std::string XtbEnergy::Impl::take_error() {
  std::string text(512, '\0');
  const int size = static_cast<int>(text.size());
  xtb_getError(environment, text.data(), &size);
  text.resize(std::min(text.find('\0'), text.size()));
  while (!text.empty() && (text.back() == ' ' || text.back() == '\n')) text.pop_back();
  return text;
}

void XtbEnergy::Impl::require_no_error(const char* what) {
  if (xtb_checkEnvironment(environment) != 0) throw UsageError("xtb: {}: {}", what, take_error());
}

bool XtbEnergy::Impl::try_once(double* energy, double* gradient) {
  xtb_singlepoint(environment, molecule_handle, calculator, results);
  if (xtb_checkEnvironment(environment) == 0) xtb_getEnergy(environment, results, energy);
  if (xtb_checkEnvironment(environment) == 0) xtb_getGradient(environment, results, gradient);
  if (xtb_checkEnvironment(environment) != 0) {
    take_error();
    return false;
  }
  // A gradient may be NaN beside a fine energy.
  return std::isfinite(*energy) &&
         std::all_of(hartree.begin(), hartree.end(), [](double g) { return std::isfinite(g); });
}

EnergyStatus XtbEnergy::Impl::evaluate(std::span<const double> x, double* energy,
                                       std::span<double> gradient) {
  if (!std::all_of(x.begin(), x.end(), [](double value) { return std::isfinite(value); })) {
    return EnergyStatus::not_finite;
  }
  for (std::size_t k = 0; warm && k < x.size(); ++k) warm = std::abs(x[k] - last[k]) < kWarmDistance;
  if (!warm) forget();
  for (std::size_t k = 0; k < x.size(); ++k) bohr[k] = x[k] / units::bohr_angstrom;
  xtb_updateMolecule(environment, molecule_handle, bohr.data(), nullptr);
  double value = 0;
  bool found = false;
  if (xtb_checkEnvironment(environment) != 0) {
    take_error();
  } else {
    found = try_once(&value, hartree.data());
    const bool self_consistent = parameters.method != XtbMethod::gfnff;
    if (!found && self_consistent) {
      forget();
      xtb_setElectronicTemp(environment, calculator, kHotter * parameters.electronic_temperature);
      found = try_once(&value, hartree.data());
      xtb_setElectronicTemp(environment, calculator, parameters.electronic_temperature);
      forget();  // the hot density is no start for others
    } else {
      warm = found;
    }
  }
  if (!found) {
    forget();
    return EnergyStatus::failed;
  }
  std::copy(x.begin(), x.end(), last.begin());
  const double in_kt = units::hartree_in_kt(parameters.molecule.temperature);
  *energy = value * in_kt;
  for (std::size_t k = 0; k < gradient.size(); ++k) gradient[k] = hartree[k] * in_kt / units::bohr_angstrom;
  return EnergyStatus::ok;
}

XtbEnergy::XtbEnergy(std::size_t particles, std::size_t dim, const XtbParameters& parameters)
    : parameters_(parameters), molecule_(load_molecule(parameters.molecule.structure)) {
  require_molecule_shape(molecule_, particles, dim);
  types_ = particle_types_of(molecule_, parameters.molecule.types);
  check_electrons(molecule_, parameters);
  refuse_stray_parameters(parameters);
  if (!parameters.parameters.empty()) {
    if (!std::filesystem::exists(parameters.parameters)) {
      throw UsageError("system.parameters: {} does not exist", parameters.parameters);
    }
    parameters_.parameters = std::filesystem::absolute(parameters.parameters).string();
  }
  impl_ = std::make_unique<Impl>(molecule_, parameters_);
}

XtbEnergy::XtbEnergy(const XtbEnergy& other)
    : Energy(other),
      parameters_(other.parameters_),
      molecule_(other.molecule_),
      types_(other.types_),
      impl_(std::make_unique<Impl>(molecule_, parameters_)) {}

XtbEnergy::~XtbEnergy() = default;

std::unique_ptr<Energy> XtbEnergy::clone() const {
  return std::unique_ptr<Energy>(new XtbEnergy(*this));
}

void XtbEnergy::evaluate(ConfigurationsView<const double> x, std::span<double> energy,
                         ConfigurationsView<double> gradient, std::span<EnergyStatus> status) {
  assert(x.particles() == particles() && x.dim() == 3);
  use_one_thread();
  for (std::size_t b = 0; b < x.count(); ++b) {
    if (x.count() > 1) impl_->warm = false;
    const auto gradient_b = gradient.size() > 0 ? gradient[b] : std::span<double>();
    status[b] = impl_->evaluate(x[b], &energy[b], gradient_b);
    if (status[b] == EnergyStatus::ok) continue;
    energy[b] = std::numeric_limits<double>::infinity();
    std::fill(gradient_b.begin(), gradient_b.end(), 0.0);
  }
  if (x.count() > 1) impl_->warm = false;
}

void XtbEnergy::forget() {
  impl_->warm = false;
}

bool has_xtb() {
  return true;
}

}  // namespace equibolt
