//! Opening a plugin library: the entry symbol is the first check, the frozen sixteen bytes the second.
//!
//! A library is opened with RTLD_NOW (a missing symbol is found here, not in the middle of a trial) and RTLD_LOCAL,
//! and is never closed again: its statics, its threads' destructors and every pointer taken from it stay valid for
//! as long as the process lives.

use std::ffi::{CStr, c_char, c_int};
use std::path::{Path, PathBuf};
use std::ptr::NonNull;

use gild_abi::raw;
use gild_model::experiment::ParamValue;
use gild_model::plugin::{KernelInfo, ParamInfo, ParamKind, PluginInfo};
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use thiserror::Error;

use crate::ledger::layout::KERNEL_PHASES_MAX;

/// Longest string of a plugin's metadata, in bytes.
const TEXT_MAX: usize = 4_096;
/// Most kernels, parameters, phases or types that are looked at before a list is taken for unterminated.
const LIST_MAX: usize = 1_024;

/// Why a library cannot be used.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "each message says what its fields are")]
pub enum LoadError {
    #[error("{}: there is no such file", path.display())]
    Missing { path: PathBuf },
    #[error("{}: cannot be opened as a library: {reason}", path.display())]
    Open { path: PathBuf, reason: String },
    #[error("{}: is not a gild plugin: it does not export gild_plugin_v{}", path.display(), raw::ABI_MAJOR)]
    NoEntry { path: PathBuf },
    #[error("{}: wrong ABI version: found {found}, expected {}", path.display(), raw::ABI_MAJOR)]
    Major { path: PathBuf, found: u32 },
    #[error(
        "{}: needs a newer gild: it needs ABI {}.{needs}, this gild has {}.{}",
        path.display(), raw::ABI_MAJOR, raw::ABI_MAJOR, raw::ABI_MINOR
    )]
    Minor { path: PathBuf, needs: u32 },
    #[error("{}: has no kernels", path.display())]
    NoKernels { path: PathBuf },
    #[error("{}: has no kernel \"{name}\"; it has: {known}", path.display())]
    NoSuchKernel { path: PathBuf, name: String, known: String },
    #[error("{}: malformed metadata: {what}", path.display())]
    Malformed { path: PathBuf, what: String },
}

/// A loaded plugin, checked.
#[derive(Debug)]
pub struct Plugin {
    /// What it says of itself.
    pub info: PluginInfo,
    kernels: Vec<Kernel>,
}

/// A kernel's function table, checked: what must be there is there.
#[derive(Debug, Clone)]
pub struct Kernel {
    /// What it says of itself.
    pub info: KernelInfo,
    /// The table, copied; fields that its author's header did not have are null.
    pub(super) raw: raw::Kernel,
    /// Every type that its plan and run produce.
    pub(super) types: Vec<&'static raw::Type>,
    /// Its asynchronous form, if it has one.
    pub(super) asynchronous: Option<&'static raw::Async>,
}

// SAFETY: the tables hold function pointers and pointers to static data of a library that is never closed.
unsafe impl Send for Kernel {}
// SAFETY: as above; nothing in the tables is ever written.
unsafe impl Sync for Kernel {}

impl Plugin {
    /// Opens and checks a library.
    ///
    /// # Errors
    /// See [`LoadError`]; nothing of the plugin has run but its constructors and its entry function.
    pub fn load(path: &Path) -> Result<Plugin, LoadError> {
        if !path.exists() {
            return Err(LoadError::Missing { path: path.to_owned() });
        }
        let check = Check { path };
        let entry = check.entry()?;
        // SAFETY: the symbol's name carries the major version, whose entry function takes nothing and returns a
        // pointer to static data. That the library keeps to this is what its author promised by exporting it.
        let table = unsafe { entry() };
        check.plugin(table)
    }

    /// The kernel with this name.
    ///
    /// # Errors
    /// There is none; the message lists those that there are.
    pub fn kernel(&self, name: &str) -> Result<&Kernel, LoadError> {
        self.kernels.iter().find(|kernel| kernel.info.name == name).ok_or_else(|| LoadError::NoSuchKernel {
            path: self.info.path.clone(),
            name: name.to_owned(),
            known: self.kernels.iter().map(|kernel| kernel.info.name.as_str()).collect::<Vec<_>>().join(", "),
        })
    }
}

/// The checks of one library; it only knows the path, for errors.
struct Check<'p> {
    path: &'p Path,
}

impl Check<'_> {
    fn malformed(&self, what: impl Into<String>) -> LoadError {
        LoadError::Malformed { path: self.path.to_owned(), what: what.into() }
    }

    fn entry(&self) -> Result<raw::Entry, LoadError> {
        let nodelete: c_int = libc::RTLD_NODELETE;
        // SAFETY: opening a library runs its constructors: that is what a plugin is for, and why only a process of its
        // own does it.
        let library = unsafe { Library::open(Some(self.path), RTLD_NOW | RTLD_LOCAL | nodelete) }
            .map_err(|error| LoadError::Open { path: self.path.to_owned(), reason: reason(&error) })?;
        // SAFETY: the type is that of the ABI's entry function; see `Plugin::load`.
        let entry = unsafe { library.get::<raw::Entry>(raw::ENTRY_SYMBOL.to_bytes_with_nul()) };
        let entry = *entry.map_err(|_| LoadError::NoEntry { path: self.path.to_owned() })?;
        // Never closed: RTLD_NODELETE keeps the code, and forgetting the handle keeps the count.
        std::mem::forget(library);
        Ok(entry)
    }

    fn plugin(&self, table: *const raw::Plugin) -> Result<Plugin, LoadError> {
        if table.is_null() {
            return Err(self.malformed("gild_plugin_v1 returned a null pointer"));
        }
        // SAFETY: not null, and the first sixteen bytes are frozen for every major version.
        let [major, minor, minor_min, size] = unsafe { table.cast::<[u32; 4]>().read() };
        if major != raw::ABI_MAJOR {
            return Err(LoadError::Major { path: self.path.to_owned(), found: major });
        }
        if minor_min > raw::ABI_MINOR {
            return Err(LoadError::Minor { path: self.path.to_owned(), needs: minor_min });
        }
        self.big_enough("gild_plugin", size, size_of::<raw::Plugin>())?;
        // SAFETY: the table is static data of at least the size of v1.0, checked above, which is all that we know.
        let table = unsafe { table.read() };
        let kernels = self.list("the kernels", table.kernels)?;
        if kernels.is_empty() {
            return Err(LoadError::NoKernels { path: self.path.to_owned() });
        }
        let kernels = kernels.into_iter().map(|kernel| self.kernel(kernel)).collect::<Result<Vec<_>, _>>()?;
        if let Some(twice) = repeated(kernels.iter().map(|kernel| kernel.info.name.as_str())) {
            return Err(self.malformed(format!("two kernels are named \"{twice}\"")));
        }
        let info = PluginInfo {
            path: self.path.to_owned(),
            name: self.text("the plugin's name", table.name)?,
            version: self.text("the plugin's version", table.version)?,
            license: self.text("the plugin's license", table.license)?,
            abi: format!("{major}.{minor}"),
            kernels: kernels.iter().map(|kernel| kernel.info.clone()).collect(),
        };
        Ok(Plugin { info, kernels })
    }

    fn kernel(&self, table: NonNull<raw::Kernel>) -> Result<Kernel, LoadError> {
        let raw: raw::Kernel = *self.sized("gild_kernel", table)?;
        let name = self.text("a kernel's name", raw.name)?;
        let well_formed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(well_formed) {
            return Err(self.malformed(format!("the kernel name \"{name}\" is not [a-z][a-z0-9_-]*")));
        }
        for (what, missing) in [
            ("create", raw.create.is_none()),
            ("plan", raw.plan.is_none()),
            ("run", raw.run.is_none()),
            ("destroy", raw.destroy.is_none()),
        ] {
            if missing {
                return Err(self.malformed(format!("kernel {name} has no {what}")));
            }
        }
        if self.list("the phases", raw.phases)?.len() > KERNEL_PHASES_MAX {
            return Err(self.malformed(format!("kernel {name} declares more than {KERNEL_PHASES_MAX} phases")));
        }
        let types = self.list("the types", raw.types)?;
        let types = types.into_iter().map(|it| self.value_type(&name, it)).collect::<Result<Vec<_>, _>>()?;
        let asynchronous = self.asynchronous(&name, &raw)?;
        let flag = |bit| raw.flags & bit != 0;
        let info = KernelInfo {
            summary: self.text("a kernel's summary", raw.summary)?,
            params: self.params(&name, &raw)?,
            phases: self.phases(&raw)?,
            shared: flag(raw::KERNEL_SHARED),
            deterministic: flag(raw::KERNEL_DETERMINISTIC),
            fork_safe: flag(raw::KERNEL_FORK_SAFE),
            verifies: raw.verify.is_some(),
            asynchronous: asynchronous.is_some(),
            name,
        };
        Ok(Kernel { info, raw, types, asynchronous })
    }

    /// The kernel's answer to the extension of this name.
    fn asynchronous(&self, kernel: &str, table: &raw::Kernel) -> Result<Option<&'static raw::Async>, LoadError> {
        // SAFETY: by the ABI the function may be called by anybody with a NUL-terminated text.
        let answer = table.extension.map(|extension| unsafe { extension(raw::EXT_ASYNC.as_ptr()) });
        let Some(form) = answer.and_then(|form| NonNull::new(form.cast::<raw::Async>().cast_mut())) else {
            return Ok(None);
        };
        let form = self.sized("gild_async", form)?;
        if form.start.is_none() || form.poll.is_none() || form.drop.is_none() {
            return Err(self.malformed(format!("kernel {kernel}: its asynchronous form lacks start, poll or drop")));
        }
        Ok(Some(form))
    }

    fn value_type(&self, kernel: &str, table: NonNull<raw::Type>) -> Result<&'static raw::Type, LoadError> {
        let table = self.sized("gild_type", table)?;
        let id = self.text("a type's id", table.id)?;
        if id.len() > super::value::TYPE_ID_MAX {
            return Err(self.malformed(format!(
                "kernel {kernel}: the type id \"{id}\" is longer than {}",
                super::value::TYPE_ID_MAX
            )));
        }
        if table.encode.is_none() || table.decode.is_none() || table.drop.is_none() {
            return Err(self.malformed(format!("kernel {kernel}: the type {id} lacks encode, decode or drop")));
        }
        Ok(table)
    }

    fn params(&self, kernel: &str, table: &raw::Kernel) -> Result<Vec<ParamInfo>, LoadError> {
        if table.n_params > LIST_MAX || (table.n_params > 0 && table.params.is_null()) {
            return Err(self.malformed(format!("kernel {kernel} has {} parameters at a null pointer", table.n_params)));
        }
        // `gild_param` is closed: its size never changes within a major version.
        let param = |at: usize| {
            // SAFETY: not null (checked above) and, by the ABI, an array of `n_params` items of static data.
            self.param(unsafe { &*table.params.add(at) })
        };
        let params = (0..table.n_params).map(param).collect::<Result<Vec<_>, _>>()?;
        match repeated(params.iter().map(|param| param.name.as_str())) {
            Some(twice) => Err(self.malformed(format!("kernel {kernel}: two parameters are named \"{twice}\""))),
            None => Ok(params),
        }
    }

    fn param(&self, table: &raw::Param) -> Result<ParamInfo, LoadError> {
        let name = self.text("a parameter's name", table.name)?;
        let (kind, preset, min, max, choices) = match table.kind {
            raw::KIND_I64 => {
                // SAFETY: `kind` says which field of the union was written; all of them are plain 64-bit values.
                let int = |it: raw::Scalar| ParamValue::Int(unsafe { it.i64 });
                (ParamKind::Integer, int(table.preset), Some(int(table.min)), Some(int(table.max)), Vec::new())
            }
            raw::KIND_F64 => {
                // SAFETY: as above.
                let float = |it: raw::Scalar| ParamValue::Float(unsafe { it.f64 });
                (ParamKind::Number, float(table.preset), Some(float(table.min)), Some(float(table.max)), Vec::new())
            }
            raw::KIND_STR => {
                // SAFETY: as above; the pointers are checked by `text` and for null.
                let (preset, choices) = unsafe { (table.preset.str, table.min.str) };
                let choices =
                    if choices.is_null() { String::new() } else { self.text("a parameter's choices", choices)? };
                let choices = choices.split('|').filter(|it| !it.is_empty()).map(str::to_owned).collect();
                (ParamKind::String, ParamValue::Text(self.text("a parameter's preset", preset)?), None, None, choices)
            }
            other => return Err(self.malformed(format!("parameter {name} is of the unknown kind {other}"))),
        };
        let unit = if table.unit.is_null() { String::new() } else { self.text("a parameter's unit", table.unit)? };
        Ok(ParamInfo {
            summary: self.text("a parameter's summary", table.summary)?,
            unit: (!unit.is_empty()).then_some(unit),
            name,
            kind,
            preset,
            min,
            max,
            choices,
        })
    }

    fn phases(&self, table: &raw::Kernel) -> Result<Vec<String>, LoadError> {
        let phases = self.list("the phases", table.phases.cast::<*const u8>())?;
        phases.into_iter().map(|name| self.text("a phase's name", name.as_ptr().cast())).collect()
    }

    /// A table that begins with its own size: nothing behind that is touched before it is known to be there.
    fn sized<T>(&self, what: &str, table: NonNull<T>) -> Result<&'static T, LoadError> {
        // SAFETY: by the ABI every table of this kind begins with its size, and is static data.
        let size = unsafe { table.cast::<u32>().read() };
        self.big_enough(what, size, size_of::<T>())?;
        // SAFETY: static data of a library that is never closed, at least as large as the type (checked above).
        Ok(unsafe { table.as_ref() })
    }

    /// A NULL-terminated array of pointers; a null array is an empty one.
    fn list<T>(&self, what: &str, array: *const *const T) -> Result<Vec<NonNull<T>>, LoadError> {
        let mut items = Vec::new();
        while !array.is_null() {
            // SAFETY: not null and, by the ABI, terminated by a null pointer, which has not been passed yet.
            let item = unsafe { *array.add(items.len()) };
            let Some(item) = NonNull::new(item.cast_mut()) else { break };
            if items.len() == LIST_MAX {
                return Err(self.malformed(format!("{what} are more than {LIST_MAX}, or not terminated by NULL")));
            }
            items.push(item);
        }
        Ok(items)
    }

    fn text(&self, what: &str, text: *const c_char) -> Result<String, LoadError> {
        if text.is_null() {
            return Err(self.malformed(format!("{what} is a null pointer")));
        }
        // SAFETY: not null and, by the ABI, a NUL-terminated static string.
        let text = unsafe { CStr::from_ptr(text) };
        match text.to_str() {
            Ok(text) if text.len() <= TEXT_MAX => Ok(text.to_owned()),
            Ok(_) => Err(self.malformed(format!("{what} is longer than {TEXT_MAX} bytes"))),
            Err(_) => Err(self.malformed(format!("{what} is not UTF-8"))),
        }
    }

    fn big_enough(&self, what: &str, found: u32, needed: usize) -> Result<(), LoadError> {
        if (found as usize) < needed {
            return Err(self.malformed(format!("{what} says that it has {found} bytes; version 1.0 has {needed}")));
        }
        Ok(())
    }
}

/// What the loader said, without the noise of nested errors.
fn reason(error: &libloading::Error) -> String {
    match error {
        libloading::Error::DlOpen { source, .. } => source.to_string(),
        other => other.to_string(),
    }
}

/// A name that comes twice.
fn repeated<'n>(names: impl Iterator<Item = &'n str>) -> Option<String> {
    let mut seen = std::collections::BTreeSet::new();
    names.filter(|name| !seen.insert(*name)).map(str::to_owned).next()
}
