package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// File is what the directory is told of a file.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Share is the folder that this peer serves, and where its downloads go.
type Share struct {
	dir    string
	mu     sync.Mutex
	hashes map[stamp]string
}

// stamp tells whether a file is the one that was hashed.
type stamp struct {
	name  string
	size  int64
	nanos int64
}

func openShare(dir string) (*Share, error) {
	share := &Share{dir: dir, hashes: map[stamp]string{}}
	return share, os.MkdirAll(share.unfinished(), 0o755)
}

// unfinished is the only folder of the share in which a file may be half there.
func (s *Share) unfinished() string { return filepath.Join(s.dir, ".peerlab") }

// path of a file. A name is one path segment, so that nothing outside of the share is reached.
func (s *Share) path(name string) (string, error) {
	if name == "" || name == "." || name == ".." || len(name) > 255 || strings.ContainsAny(name, "/\\\x00") {
		return "", fail("bad-name", "%q is not the name of a file", name)
	}
	return filepath.Join(s.dir, name), nil
}

// Find describes a plain file of the share; ok is false if there is none of this name.
func (s *Share) Find(name string) (file File, ok bool, err error) {
	path, err := s.path(name)
	if err != nil {
		return File{}, false, err
	}
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) || (err == nil && !info.Mode().IsRegular()) {
		return File{}, false, nil
	}
	if err != nil {
		return File{}, false, err
	}
	key := stamp{name, info.Size(), info.ModTime().UnixNano()}
	s.mu.Lock()
	sum := s.hashes[key]
	s.mu.Unlock()
	if sum == "" {
		if sum, err = hashOf(path); err != nil {
			return File{}, false, err
		}
		s.mu.Lock()
		s.hashes[key] = sum
		s.mu.Unlock()
	}
	return File{name, info.Size(), sum}, true, nil
}

func hashOf(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// Files lists all plain files, in order of their names.
func (s *Share) Files() ([]File, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, err
	}
	files := []File{}
	for _, entry := range entries {
		file, ok, err := s.Find(entry.Name())
		if err == nil && ok {
			files = append(files, file)
		}
	}
	return files, nil
}

// Keep gives a finished file its name. A link never replaces a file, where a rename would.
func (s *Share) Keep(part, name string) error {
	path, err := s.path(name)
	if err != nil {
		return err
	}
	if err := os.Link(part, path); errors.Is(err, os.ErrExist) {
		return fail("file-exists", "%s is there already, with another content", name)
	} else if err != nil {
		return err
	}
	return nil
}
