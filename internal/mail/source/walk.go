package source

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// walker goes through the arguments.
type walker struct {
	stopped func() error // tells whether the Walk was cancelled
	cfg     Config
	emit    func(Item) error
	problem func(Problem)

	folders map[string]bool // real paths of folders read or being read
	files   map[string]bool // real paths of files that were reached other than through their folder
	passed  int64           // packed bytes dealt with
}

// place is a file or folder as one argument names it.
type place struct {
	arg string
	rel string // path below the argument with slashes, "" for the argument itself
}

func (p place) at(name string) place {
	if p.rel == "" {
		return place{p.arg, name}
	}
	return place{p.arg, p.rel + "/" + name}
}

// label is what Item.Source calls it.
func (p place) label() string {
	if p.rel == "" {
		return valid(argName(p.arg))
	}
	return valid(p.rel)
}

// argName is the last element of an argument, also of "." and "..".
func argName(arg string) string {
	if base := filepath.Base(arg); base != "." && base != ".." {
		return base
	}
	if abs, err := filepath.Abs(arg); err == nil {
		return filepath.Base(abs)
	}
	return arg
}

func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

func (w *walker) argument(arg string) error {
	if arg == "-" {
		return w.standardInput()
	}
	info, err := os.Stat(arg)
	p := place{arg: arg}
	switch {
	case err != nil:
		w.report(p.label(), 0, err, "check the path and its permissions")
	case info.IsDir():
		return w.folder(p, arg)
	default:
		return w.linked(p, arg)
	}
	return w.stopped()
}

func (w *walker) report(label string, offset int64, err error, remedy string) {
	w.problem(Problem{Source: label, Offset: offset, Err: err, Remedy: remedy})
}

func (w *walker) ignore(p place, size int64) {
	w.progress(size)
	if w.cfg.Ignored != nil {
		w.cfg.Ignored(p.label())
	}
}

func (w *walker) progress(n int64) {
	w.passed += n
	if w.cfg.Progress != nil && n != 0 {
		w.cfg.Progress(w.passed)
	}
}

// folder reads a folder and all below it, once.
func (w *walker) folder(p place, dir string) error {
	if err := w.stopped(); err != nil {
		return err
	}
	real, err := realPath(dir)
	if err != nil {
		w.report(p.label(), 0, err, "check the path and its permissions")
		return nil
	}
	if w.folders[real] {
		return nil
	}
	w.folders[real] = true
	names, err := sortedNames(dir)
	if err != nil {
		w.report(p.label(), 0, err, "check the folder's permissions; what could be listed was read")
	}
	maildir := isMaildir(dir, names)
	if maildir {
		if err := w.maildir(p, dir, real); err != nil {
			return err
		}
	}
	skip := w.beside(p, names)
	for _, name := range names {
		if maildir && (name == "cur" || name == "new" || name == "tmp") || skip(name) {
			continue
		}
		if err := w.child(p.at(name), filepath.Join(dir, name), filepath.Join(real, name)); err != nil {
			return err
		}
	}
	return nil
}

// beside tells what of a folder is not mail but belongs to it: in a profile of
// Thunderbird all but its mail, in a mailbox of Apple Mail the attachments, which
// are read with the messages that they were taken out of.
func (w *walker) beside(p place, names []string) func(name string) bool {
	has := func(name string) bool { _, found := slices.BinarySearch(names, name); return found }
	switch {
	case has("prefs.js") && (has("Mail") || has("ImapMail")):
		return func(name string) bool {
			if name == "Mail" || name == "ImapMail" || name == "News" || name == "Feeds" {
				return false
			}
			w.ignore(p.at(name), 0)
			return true
		}
	case has("Messages") && has("Attachments") && strings.Contains(strings.ToLower(p.label()+"/"+p.arg), ".mbox"):
		return func(name string) bool { return name == "Attachments" }
	}
	return func(string) bool { return false }
}

// sortedNames lists a folder. Names only: a Maildir may hold a million files.
func sortedNames(dir string) ([]string, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	slices.Sort(names)
	return names, err
}

// child reads what lies in a folder under some name.
func (w *walker) child(p place, path, real string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // gone since the folder was listed, as mail does
	}
	switch {
	case err != nil:
		w.report(p.label(), 0, err, "check its permissions")
		return nil
	case info.Mode()&fs.ModeSymlink != 0:
		return w.link(p, path)
	case info.IsDir():
		return w.folder(p, path)
	case !info.Mode().IsRegular():
		w.ignore(p, 0)
		return nil
	case w.files[real]:
		return nil
	}
	return w.file(p, path, Position{File: real}, false)
}

func sizeOf(info fs.FileInfo) int64 {
	if info.Mode().IsRegular() {
		return info.Size()
	}
	return 0
}

func (w *walker) link(p place, path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		w.report(p.label(), 0, err, "the symbolic link leads nowhere; remove it or mend it")
		return nil
	case info.IsDir() && leadsUp(path):
		w.ignore(p, 0)
		return nil
	case info.IsDir():
		return w.folder(p, path)
	}
	return w.linked(p, path)
}

// leadsUp tells whether a link leads to a folder that it lies in itself: a
// loop, which besides would lead out of what the argument names.
func leadsUp(link string) bool {
	target, err := realPath(link)
	if err != nil {
		return false
	}
	from, err := realPath(filepath.Dir(link))
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(target, from)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// linked reads a file that was not reached through the folder it lies in.
func (w *walker) linked(p place, path string) error {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		w.report(p.label(), 0, errors.New("not a regular file but a "+typeName(info.Mode())),
			"FIFOs, sockets and devices are not opened; pipe the mail to standard input and give \"-\"")
		return nil
	}
	real, err := realPath(path)
	if err != nil {
		w.report(p.label(), 0, err, "check the path and its permissions")
		return nil
	}
	if w.files[real] || w.folders[filepath.Dir(real)] {
		return nil
	}
	w.files[real] = true
	return w.file(p, path, Position{File: real}, false)
}

func typeName(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeNamedPipe != 0:
		return "FIFO"
	case mode&fs.ModeSocket != 0:
		return "socket"
	}
	return "device"
}

func realPath(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("find the folder of %s: %w", path, err)
	}
	return filepath.EvalSymlinks(abs)
}

// file reads one regular file, unless an earlier run has done so.
func (w *walker) file(p place, path string, pos Position, inMaildir bool) error {
	if err := w.stopped(); err != nil {
		return err
	}
	if w.cfg.Skip != nil && w.cfg.Skip(pos.File) {
		w.skip(path)
		return nil
	}
	stored, known := Position{}, false
	if w.cfg.Resume != nil {
		stored, known = w.cfg.Resume(pos.File)
	}
	if known && stored.Done {
		if info, err := os.Lstat(path); err == nil && stored.same(info.Size(), modTime(info)) {
			w.progress(info.Size())
			return nil
		}
	}
	f, info, err := openRegular(path)
	if errors.Is(err, fs.ErrNotExist) && inMaildir {
		return nil // moved by the mail server meanwhile
	}
	if err != nil {
		w.report(p.label(), 0, err, "check the file's permissions")
		return nil
	}
	defer f.Close()
	pos.Size, pos.ModTime = info.Size(), modTime(info)
	u := &unit{walker: w, place: p, pos: pos, inMaildir: inMaildir}
	if known && stored.sameHead(f) {
		u.stored = stored
	}
	return u.readFile(f)
}

// skip counts a file that is passed over without a word.
func (w *walker) skip(path string) {
	if info, err := os.Lstat(path); err == nil {
		w.progress(info.Size())
	}
}

// openRegular opens a file and makes sure that it is still a regular one.
func openRegular(path string) (*os.File, fs.FileInfo, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no longer a regular file", path)
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

func modTime(info fs.FileInfo) time.Time {
	return info.ModTime().UTC().Truncate(time.Microsecond)
}

func (w *walker) standardInput() error {
	if w.cfg.Stdin == nil || w.files["-"] {
		w.report("-", 0, errors.New("standard input is not available"), "give \"-\" once, and pipe the mail in")
		return nil
	}
	w.files["-"] = true
	u := &unit{walker: w, place: place{arg: "-"}, pos: Position{File: "-", Size: -1}}
	return u.readStream(w.cfg.Stdin)
}

// counted counts packed bytes for the progress bar and ends at cancellation.
type counted struct {
	w    *walker
	src  io.Reader
	at   int64 // where in the file
	high int64 // how far progress was told
}

func (c *counted) Read(p []byte) (int, error) {
	if err := c.w.stopped(); err != nil {
		return 0, err
	}
	n, err := c.src.Read(p)
	c.at += int64(n)
	c.reach(c.at)
	return n, err
}

// reach says that all before a place in the file is dealt with.
func (c *counted) reach(at int64) {
	if at > c.high {
		c.w.progress(at - c.high)
		c.high = at
	}
}

// Size estimates what Walk will read of args: packed bytes, and files. Of
// standard input it knows nothing.
func Size(args []string) (bytes int64, files int) {
	for _, arg := range args {
		if real, err := filepath.EvalSymlinks(arg); err == nil {
			arg = real
		}
		_ = filepath.WalkDir(arg, func(_ string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return nil // Walk reports what cannot be read; this is an estimate
			}
			if info, err := d.Info(); err == nil {
				bytes += info.Size()
				files++
			}
			return nil
		})
	}
	return bytes, files
}
