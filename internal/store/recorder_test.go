//go:build unix

package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// A recorder writes down what reaches the file system: through a fileLayer what we write
// ourselves, and through a shim around SQLite's own VFS what SQLite writes. The shared
// memory file (-shm) is not recorded; after a power cut SQLite makes a new one.

type opKind uint8

const (
	opCreate opKind = iota
	opMkdir
	opWrite
	opTruncate
	opSync
	opRename
	opRemove
	opSyncDir
	opTold // the program was told that something is safe
)

var opNames = [...]string{"create", "mkdir", "write", "truncate", "sync", "rename", "remove", "syncdir", "told"}

type op struct {
	kind opKind
	path string
	to   string // rename
	at   int64  // write; truncate: new size
	data []byte
	told func(*told) // opTold
}

func (o op) String() string {
	return fmt.Sprintf("%s %s at %d, %d bytes", opNames[o.kind], filepath.Base(o.path), o.at, len(o.data))
}

type recorder struct {
	vfs string
	mu  sync.Mutex
	ops []op
}

func (r *recorder) add(o op) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ops = append(r.ops, o)
}

// The file layer.

func (r *recorder) Mkdir(dir string) error {
	if err := (osFiles{}).Mkdir(dir); err != nil {
		return err
	}
	r.add(op{kind: opMkdir, path: dir})
	return nil
}

func (r *recorder) Create(path string) (file, error) {
	f, err := osFiles{}.Create(path)
	if err != nil {
		return nil, err
	}
	r.add(op{kind: opCreate, path: path})
	return &recordedFile{file: f, r: r, path: path}, nil
}

func (r *recorder) Rename(from, to string) error {
	if err := (osFiles{}).Rename(from, to); err != nil {
		return err
	}
	r.add(op{kind: opRename, path: from, to: to})
	return nil
}

func (r *recorder) Remove(path string) error {
	if err := (osFiles{}).Remove(path); err != nil {
		return err
	}
	r.add(op{kind: opRemove, path: path})
	return nil
}

func (r *recorder) SyncDir(dir string) error {
	if err := (osFiles{}).SyncDir(dir); err != nil {
		return err
	}
	r.add(op{kind: opSyncDir, path: dir})
	return nil
}

type recordedFile struct {
	file
	r    *recorder
	path string
	at   int64
}

func (f *recordedFile) Write(p []byte) (int, error) {
	n, err := f.file.Write(p)
	f.r.add(op{kind: opWrite, path: f.path, at: f.at, data: slices.Clone(p[:n])})
	f.at += int64(n)
	return n, err
}

func (f *recordedFile) Sync() error {
	if err := f.file.Sync(); err != nil {
		return err
	}
	f.r.add(op{kind: opSync, path: f.path})
	return nil
}

// The shim. SQLite calls it through the function pointers that ccgo makes of C's; its
// own file structure, in front of that of the VFS behind it, holds a handle.

type shimFile struct {
	methods uintptr // sqlite3_file.pMethods
	handle  uintptr // of an openFile
}

const shimSize = unsafe.Sizeof(shimFile{})

type openFile struct {
	r       *recorder
	path    string
	syncDir bool // its first sync syncs the folder too, see shimOpen
}

// handles give C's memory, which can't hold Go pointers, names for Go values.
var handles struct {
	sync.Map
	last atomic.Uintptr
}

func newHandle(v any) uintptr {
	h := handles.last.Add(1)
	handles.Store(h, v)
	return h
}

func byHandle[T any](h uintptr) *T {
	v, _ := handles.Load(h)
	t, _ := v.(*T)
	return t
}

// at reads C's memory as a T.
func at[T any](p uintptr) *T { return *(**T)(unsafe.Pointer(&p)) }

// pointer makes a function pointer, call makes a function of one. f must be declared at
// top level: nothing keeps a closure alive here.
func pointer(f any) uintptr { return (*[2]uintptr)(unsafe.Pointer(&f))[1] }

func call[F any](p uintptr) F { return *(*F)(unsafe.Pointer(&p)) }

type (
	fnFile    = func(*libc.TLS, uintptr) int32
	fnFileInt = func(*libc.TLS, uintptr, int32) int32
	fnFilePtr = func(*libc.TLS, uintptr, uintptr) int32
	fnFileOff = func(*libc.TLS, uintptr, int64) int32
	fnFileIO  = func(*libc.TLS, uintptr, uintptr, int32, int64) int32
	fnControl = func(*libc.TLS, uintptr, int32, uintptr) int32
	fnShmMap  = func(*libc.TLS, uintptr, int32, int32, int32, uintptr) int32
	fnShmLock = func(*libc.TLS, uintptr, int32, int32, int32) int32
	fnBarrier = func(*libc.TLS, uintptr)
	fnFetch   = func(*libc.TLS, uintptr, int64, int32, uintptr) int32
	fnUnfetch = func(*libc.TLS, uintptr, int64, uintptr) int32
	fnOpen    = func(*libc.TLS, uintptr, uintptr, uintptr, int32, uintptr) int32
	fnDelete  = func(*libc.TLS, uintptr, uintptr, int32) int32
)

// behind is the file and the methods that the shim covers.
func behind(p uintptr) (uintptr, *lib.Tsqlite3_io_methods) {
	real := p + shimSize
	return real, at[lib.Tsqlite3_io_methods](at[shimFile](real).methods)
}

func opened(p uintptr) *openFile { return byHandle[openFile](at[shimFile](p).handle) }

func shimClose(tls *libc.TLS, p uintptr) int32 {
	real, m := behind(p)
	handles.Delete(at[shimFile](p).handle)
	return call[fnFile](m.FxClose)(tls, real)
}

func shimRead(tls *libc.TLS, p, buf uintptr, n int32, off int64) int32 {
	real, m := behind(p)
	return call[fnFileIO](m.FxRead)(tls, real, buf, n, off)
}

func shimWrite(tls *libc.TLS, p, buf uintptr, n int32, off int64) int32 {
	real, m := behind(p)
	rc := call[fnFileIO](m.FxWrite)(tls, real, buf, n, off)
	if f := opened(p); rc == lib.SQLITE_OK && f != nil {
		f.r.add(op{kind: opWrite, path: f.path, at: off, data: slices.Clone(unsafe.Slice(at[byte](buf), n))})
	}
	return rc
}

func shimTruncate(tls *libc.TLS, p uintptr, size int64) int32 {
	real, m := behind(p)
	rc := call[fnFileOff](m.FxTruncate)(tls, real, size)
	if f := opened(p); rc == lib.SQLITE_OK && f != nil {
		f.r.add(op{kind: opTruncate, path: f.path, at: size})
	}
	return rc
}

func shimSync(tls *libc.TLS, p uintptr, flags int32) int32 {
	real, m := behind(p)
	rc := call[fnFileInt](m.FxSync)(tls, real, flags)
	if f := opened(p); rc == lib.SQLITE_OK && f != nil {
		f.r.add(op{kind: opSync, path: f.path})
		if f.syncDir {
			f.syncDir = false
			f.r.add(op{kind: opSyncDir, path: filepath.Dir(f.path)})
		}
	}
	return rc
}

func shimFileSize(tls *libc.TLS, p, size uintptr) int32 {
	real, m := behind(p)
	return call[fnFilePtr](m.FxFileSize)(tls, real, size)
}

func shimLock(tls *libc.TLS, p uintptr, level int32) int32 {
	real, m := behind(p)
	return call[fnFileInt](m.FxLock)(tls, real, level)
}

func shimUnlock(tls *libc.TLS, p uintptr, level int32) int32 {
	real, m := behind(p)
	return call[fnFileInt](m.FxUnlock)(tls, real, level)
}

func shimCheckReserved(tls *libc.TLS, p, out uintptr) int32 {
	real, m := behind(p)
	return call[fnFilePtr](m.FxCheckReservedLock)(tls, real, out)
}

func shimControl(tls *libc.TLS, p uintptr, what int32, arg uintptr) int32 {
	real, m := behind(p)
	return call[fnControl](m.FxFileControl)(tls, real, what, arg)
}

func shimSectorSize(tls *libc.TLS, p uintptr) int32 {
	real, m := behind(p)
	return call[fnFile](m.FxSectorSize)(tls, real)
}

func shimCharacteristics(tls *libc.TLS, p uintptr) int32 {
	real, m := behind(p)
	return call[fnFile](m.FxDeviceCharacteristics)(tls, real)
}

func shimShmMap(tls *libc.TLS, p uintptr, page, size, extend int32, out uintptr) int32 {
	real, m := behind(p)
	return call[fnShmMap](m.FxShmMap)(tls, real, page, size, extend, out)
}

func shimShmLock(tls *libc.TLS, p uintptr, offset, n, flags int32) int32 {
	real, m := behind(p)
	return call[fnShmLock](m.FxShmLock)(tls, real, offset, n, flags)
}

func shimShmBarrier(tls *libc.TLS, p uintptr) {
	real, m := behind(p)
	call[fnBarrier](m.FxShmBarrier)(tls, real)
}

func shimShmUnmap(tls *libc.TLS, p uintptr, remove int32) int32 {
	real, m := behind(p)
	return call[fnFileInt](m.FxShmUnmap)(tls, real, remove)
}

func shimFetch(tls *libc.TLS, p uintptr, off int64, n int32, out uintptr) int32 {
	real, m := behind(p)
	return call[fnFetch](m.FxFetch)(tls, real, off, n, out)
}

func shimUnfetch(tls *libc.TLS, p uintptr, off int64, page uintptr) int32 {
	real, m := behind(p)
	return call[fnUnfetch](m.FxUnfetch)(tls, real, off, page)
}

// shim is what a registered VFS needs; it lives as long as the test.
type shim struct {
	r       *recorder
	real    uintptr // the VFS behind
	methods uintptr
}

// shimOpen: SQLite's VFS for unix syncs the folder of a journal or log that it created,
// at the file's first sync (os_unix.c, UNIXFILE_DIRSYNC), and of no other file.
func shimOpen(tls *libc.TLS, vfs, name, p uintptr, flags int32, outFlags uintptr) int32 {
	s := byHandle[shim](at[lib.Tsqlite3_vfs](vfs).FpAppData)
	f := at[shimFile](p)
	*f = shimFile{}
	path, isNew := "", false
	if name != 0 {
		path = libc.GoString(name)
		_, err := os.Stat(path)
		isNew = errors.Is(err, fs.ErrNotExist)
	}
	rc := call[fnOpen](at[lib.Tsqlite3_vfs](s.real).FxOpen)(tls, s.real, name, p+shimSize, flags, outFlags)
	if at[shimFile](p+shimSize).methods == 0 {
		return rc
	}
	f.methods = s.methods
	if rc != lib.SQLITE_OK || name == 0 {
		return rc
	}
	journal := flags&(lib.SQLITE_OPEN_WAL|lib.SQLITE_OPEN_MAIN_JOURNAL|lib.SQLITE_OPEN_SUPER_JOURNAL) != 0
	f.handle = newHandle(&openFile{r: s.r, path: path, syncDir: isNew && journal})
	if isNew {
		s.r.add(op{kind: opCreate, path: path})
	}
	return rc
}

func shimDelete(tls *libc.TLS, vfs, name uintptr, syncDir int32) int32 {
	s := byHandle[shim](at[lib.Tsqlite3_vfs](vfs).FpAppData)
	rc := call[fnDelete](at[lib.Tsqlite3_vfs](s.real).FxDelete)(tls, s.real, name, syncDir)
	if rc == lib.SQLITE_OK {
		path := libc.GoString(name)
		s.r.add(op{kind: opRemove, path: path})
		if syncDir != 0 {
			s.r.add(op{kind: opSyncDir, path: filepath.Dir(path)})
		}
	}
	return rc
}

// newRecorder registers a shim around the default VFS for the time of the test.
func newRecorder(t *testing.T) *recorder {
	t.Helper()
	tls := libc.NewTLS()
	real := lib.Xsqlite3_vfs_find(tls, 0)
	if real == 0 {
		t.Fatal("SQLite has no VFS")
	}
	r := &recorder{}
	methods := libc.Xcalloc(tls, 1, libc.Tsize_t(unsafe.Sizeof(lib.Tsqlite3_io_methods{})))
	fillMethods(at[lib.Tsqlite3_io_methods](methods))
	h := newHandle(&shim{r: r, real: real, methods: methods})
	r.vfs = fmt.Sprintf("recorder%d", h)
	name, err := libc.CString(r.vfs)
	must(t, err)
	vfs := libc.Xcalloc(tls, 1, libc.Tsize_t(unsafe.Sizeof(lib.Tsqlite3_vfs{})))
	v := at[lib.Tsqlite3_vfs](vfs)
	*v = *at[lib.Tsqlite3_vfs](real)
	v.FszOsFile += int32(shimSize)
	v.FpNext, v.FzName, v.FpAppData = 0, name, h
	v.FxOpen, v.FxDelete = pointer(shimOpen), pointer(shimDelete)
	if rc := lib.Xsqlite3_vfs_register(tls, vfs, 0); rc != lib.SQLITE_OK {
		t.Fatalf("register VFS: %d", rc)
	}
	t.Cleanup(func() {
		lib.Xsqlite3_vfs_unregister(tls, vfs)
		handles.Delete(h)
		for _, p := range []uintptr{name, vfs, methods} {
			libc.Xfree(tls, p)
		}
		tls.Close()
	})
	return r
}

func fillMethods(m *lib.Tsqlite3_io_methods) {
	*m = lib.Tsqlite3_io_methods{
		FiVersion: 3, FxClose: pointer(shimClose), FxRead: pointer(shimRead), FxWrite: pointer(shimWrite),
		FxTruncate: pointer(shimTruncate), FxSync: pointer(shimSync), FxFileSize: pointer(shimFileSize),
		FxLock: pointer(shimLock), FxUnlock: pointer(shimUnlock), FxCheckReservedLock: pointer(shimCheckReserved),
		FxFileControl: pointer(shimControl), FxSectorSize: pointer(shimSectorSize),
		FxDeviceCharacteristics: pointer(shimCharacteristics), FxShmMap: pointer(shimShmMap),
		FxShmLock: pointer(shimShmLock), FxShmBarrier: pointer(shimShmBarrier), FxShmUnmap: pointer(shimShmUnmap),
		FxFetch: pointer(shimFetch), FxUnfetch: pointer(shimUnfetch),
	}
}
