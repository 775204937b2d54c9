//! The C functions behind an [`AsyncKernel`]: start, poll and drop of an operation, which is a future.
//!
//! ```text
//! start ─▶ poll ─▶ pending, and waits are registered ─▶ poll ─▶ … ─▶ ready ─▶ drop
//! ```
//!
//! The future may use the host only while it is polled: [`Shared::lend`] puts the running call where its [`AsyncCx`]
//! finds it, and takes it away when the call ends. So nothing of a call outlives it, whatever the future keeps.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::marker::PhantomData;
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};

use crate::async_context::AsyncCx;
use crate::async_kernel::AsyncKernel;
use crate::door::{door, quiet_door, status_door};
use crate::error::{Error, Result, check};
use crate::export::instance;
use crate::host::Host;
use crate::kernel::Kernel;
use crate::raw::{self, Status};
use crate::value;

/// What an operation without a wait is told.
const WAITS_FOR_NOTHING: &str = "the task is pending and waits for nothing that the host knows of: only what AsyncCx \
                                 offers (readable, writable, sleep, yield_now) wakes a task";

/// The C side of the asynchronous form of a kernel.
pub(crate) struct Operations<K>(PhantomData<K>);

impl<K: AsyncKernel> Operations<K> {
    pub(crate) const TABLE: &'static raw::Async = &raw::Async {
        size: size_of::<raw::Async>() as u32,
        flags: 0,
        start: Some(start::<K>),
        poll: Some(poll::<K>),
        drop: Some(drop_operation::<K>),
    };
}

/// A task's future; it lives as long as its operation, and borrows from what outlives that.
type TaskFuture<K> = Pin<Box<dyn Future<Output = Result<<K as Kernel>::Out>>>>;

/// What `op` points to.
struct Operation<K: Kernel> {
    /// `None`: it is over. Stands before `shared`, which it borrows, so that it is dropped first.
    future: Option<TaskFuture<K>>,
    shared: Rc<Shared>,
}

/// What an operation and its future have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) host: Host,
    pub(crate) phase_count: usize,
    /// The call that is polling the future on this thread.
    call: Cell<Option<Call>>,
    /// Whether that call has registered a wait.
    waits: Cell<bool>,
    /// Of the futures that wait. They need not be the operation's own: joined futures may have one each, and are polled
    /// only if it says so.
    wakers: RefCell<Vec<Waker>>,
}

/// What the host lends to a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    task: *mut raw::Task,
    attention: *const u32,
    waits: *const raw::Waits,
}

/// A descriptor or a point in time.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wait {
    /// Events of poll(2) on a descriptor.
    Fd(i32, u32),
    /// A time of `CLOCK_MONOTONIC`, in nanoseconds.
    Timer(u64),
}

impl Shared {
    /// The call that is polling the future.
    pub(crate) fn call(&self) -> Result<Call> {
        self.call.get().ok_or_else(|| {
            Error::host("a task used its AsyncCx while it was not polled: in a destructor, or in a blocking region")
        })
    }

    /// Takes the call away for the time of a blocking region; [`Shared::resume`] gives it back.
    pub(crate) fn suspend(&self) -> Result<Call> {
        let call = self.call()?;
        self.call.set(None);
        Ok(call)
    }

    /// See [`Shared::suspend`].
    pub(crate) fn resume(&self, call: Call) {
        self.call.set(Some(call));
    }

    /// Registers a wait, so that the future with this waker is polled again.
    pub(crate) fn register(&self, wait: Wait, waker: &Waker) -> Result<()> {
        let call = self.call()?;
        // SAFETY: the table is the host's and valid during the call, which `call` has just shown to be running; `open`
        // has looked at its size.
        let table = unsafe { &*call.waits };
        let missing = || Error::host("a function in the host's table of waits is null");
        // SAFETY: the functions are the host's; the task is the one that the running call was given.
        let status = unsafe {
            match wait {
                Wait::Fd(fd, events) => table.fd.ok_or_else(missing)?(call.task, fd, events),
                Wait::Timer(deadline_ns) => table.timer.ok_or_else(missing)?(call.task, deadline_ns),
            }
        };
        check(status)?;
        self.waits.set(true);
        let waker = waker.clone();
        self.wakers.borrow_mut().push(waker);
        Ok(())
    }

    /// Lends the host's call to the future, for as long as the answer lives.
    fn lend(&self, call: Call) -> Lent<'_> {
        self.waits.set(false);
        self.call.set(Some(call));
        Lent(self)
    }

    /// Tells every future that waited that it may go on.
    fn wake(&self) {
        let wakers = self.wakers.take();
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Call {
    /// # Safety
    /// The pointers are null or what the host gave to the running call on this thread.
    unsafe fn open(task: *mut raw::Task, waits: *const raw::Waits) -> Result<Call> {
        // SAFETY: null or valid during the call (the caller's promise); every table starts with its size.
        let (task_seen, size) = unsafe { (task.as_ref(), waits.as_ref().map(|it| it.size as usize)) };
        let attention = task_seen.map(|task| task.attention).filter(|word| !word.is_null());
        let attention = attention.ok_or_else(|| Error::host("the host gave no task, or one without attention word"))?;
        match size {
            None => Err(Error::host("the host gave no table of waits")),
            Some(size) if size < size_of::<raw::Waits>() => Err(Error::host("the host's table of waits is too short")),
            Some(_) => Ok(Call { task, attention, waits }),
        }
    }

    /// Whether the host wants a checkpoint.
    #[inline(always)]
    pub(crate) fn is_wanted(self) -> bool {
        // SAFETY: a `Call` is found in its `Shared` only while the host's call runs, and the word is valid as long as
        // the task; both sides access it atomically.
        unsafe { AtomicU32::from_ptr(self.attention.cast_mut()) }.load(Ordering::Relaxed) != 0
    }

    /// The running task.
    pub(crate) fn task(self) -> *mut raw::Task {
        self.task
    }
}

/// Takes the call away when it ends, even by a panic.
struct Lent<'s>(&'s Shared);

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.0.call.set(None);
    }
}

impl<K: AsyncKernel> Operation<K> {
    /// # Safety
    /// Kernel and input outlive the operation.
    unsafe fn new(host: Host, kernel: &K, input: &K::In) -> Operation<K> {
        let shared = Rc::new(Shared {
            host,
            phase_count: K::PHASES.len(),
            call: Cell::new(None),
            waits: Cell::new(false),
            wakers: RefCell::default(),
        });
        let future: Pin<Box<dyn Future<Output = Result<K::Out>> + '_>> =
            Box::pin(kernel.run_async(AsyncCx::new(&shared), input));
        // SAFETY: only the lifetime changes. The future borrows the kernel and the input, which outlive it (the caller's
        // promise), and what `shared` counts, which lives until the operation's last field is dropped: after the
        // future.
        let future = unsafe { mem::transmute::<Pin<Box<dyn Future<Output = _> + '_>>, TaskFuture<K>>(future) };
        Operation { future: Some(future), shared }
    }

    /// Goes on as far as possible.
    fn poll(&mut self, call: Call) -> Result<Poll<K::Out>> {
        let future = self.future.as_mut().ok_or_else(|| Error::host("the host polled an operation that is over"))?;
        let lent = self.shared.lend(call);
        self.shared.wake();
        let outcome = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        match outcome {
            Poll::Pending if self.shared.waits.get() => Ok(Poll::Pending),
            Poll::Pending => Err(Error::new(WAITS_FOR_NOTHING)),
            Poll::Ready(result) => {
                // Its destructors may use the context, too.
                self.future = None;
                drop(lent);
                result.map(Poll::Ready)
            }
        }
    }
}

unsafe extern "C" fn start<K: AsyncKernel>(
    this: *mut c_void,
    _task: *mut raw::Task,
    input: *const raw::Value,
    op: *mut *mut c_void,
) -> Status {
    door(raw::E_INTERNAL, || {
        // SAFETY: the host gives an instance of this kernel.
        let instance = unsafe { instance::<K>(this) }?;
        // SAFETY: the host lends a value that this library planned or decoded.
        let input = unsafe { value::borrow::<K::In>(input) }?;
        if op.is_null() {
            return Err(Error::host("nowhere to put the operation"));
        }
        // SAFETY: by the header, self and input outlive the operation.
        let operation = unsafe { Operation::new(instance.host, &instance.kernel, input) };
        // SAFETY: not null; the host gave it to receive the operation.
        unsafe { op.write(Box::into_raw(Box::new(operation)).cast()) };
        Ok(())
    })
}

unsafe extern "C" fn poll<K: AsyncKernel>(
    op: *mut c_void,
    task: *mut raw::Task,
    waits: *const raw::Waits,
    output: *mut raw::Value,
) -> Status {
    status_door(raw::E_INTERNAL, || {
        // SAFETY: null or an operation that `start::<K>` made; all calls on it come one at a time, on one thread.
        let operation = unsafe { op.cast::<Operation<K>>().as_mut() };
        let operation = operation.ok_or_else(|| Error::host("the host gave no operation"))?;
        // SAFETY: this is the call, and the thread, that task and table were given to.
        let call = unsafe { Call::open(task, waits) }?;
        if output.is_null() {
            return Err(Error::host("nowhere to put the result"));
        }
        match operation.poll(call)? {
            Poll::Pending => Ok(raw::PENDING),
            Poll::Ready(result) => {
                // SAFETY: not null; the host gave it to receive the result.
                unsafe { output.write(value::into_raw(result)) };
                Ok(raw::OK)
            }
        }
    })
}

unsafe extern "C" fn drop_operation<K: AsyncKernel>(op: *mut c_void) {
    quiet_door(K::NAME, || {
        if !op.is_null() {
            // SAFETY: `start` made it from a `Box`, and the host gives it back once.
            drop(unsafe { Box::from_raw(op.cast::<Operation<K>>()) });
        }
    });
}
