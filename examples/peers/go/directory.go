package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// Directory is the REST side of this peer: who it is, and until when.
type Directory struct {
	url, user, password, address string

	mu      sync.Mutex
	token   string
	ticket  string
	seconds float64
	// One list after the other: an older one that comes late would replace a newer one.
	publishing sync.Mutex
}

// Found is a content that the directory knows, and who has it.
type Found struct {
	File
	Peers []struct {
		IP   string `json:"ip"`
		Port int    `json:"port"`
		Name string `json:"name"`
	} `json:"peers"`
}

// The lab is never behind a proxy.
var client = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{Proxy: nil}}

func (d *Directory) ask(method, route string, body, answer any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequest(method, d.url+route, bytes.NewReader(text))
	if err != nil {
		return err
	}
	d.mu.Lock()
	request.Header.Set("authorization", "Bearer "+d.token)
	d.mu.Unlock()
	request.Header.Set("content-type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return fail("directory-unreachable", "%v", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		var refused struct{ Error Failure }
		if json.NewDecoder(response.Body).Decode(&refused) != nil || refused.Error.Code == "" {
			return fail("internal", "the directory answers %s", response.Status)
		}
		return &refused.Error
	}
	return json.NewDecoder(response.Body).Decode(answer)
}

// Login enters this peer and its files.
func (d *Directory) Login(files []File) error {
	ip, port, err := net.SplitHostPort(d.address)
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	var told struct {
		Token, Ticket string
		LeaseSeconds  float64
	}
	me := map[string]any{"user": d.user, "password": d.password, "ip": ip, "port": number, "files": files}
	if err := d.ask("POST", "/login", me, &told); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.token, d.ticket, d.seconds = told.Token, told.Ticket, told.LeaseSeconds
	return nil
}

func (d *Directory) isLoggedIn() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.token != ""
}

// Ticket is what other peers want to see with each call.
func (d *Directory) Ticket() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ticket
}

// Lease in seconds.
func (d *Directory) Lease() float64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.seconds
}

// Renew keeps the registration for as long as this peer runs. A third of the lease is a good interval: two heartbeats may get lost.
func (d *Directory) Renew(share *Share) {
	for {
		time.Sleep(time.Duration(d.Lease() / 3 * float64(time.Second)))
		if !d.isLoggedIn() {
			continue
		}
		var told struct{ Ticket string }
		err := d.ask("POST", "/heartbeat", struct{}{}, &told)
		if codeOf(err) == "unauthorized" { // the directory has forgotten this peer
			files, err := share.Files()
			if err == nil {
				err = d.Login(files)
			}
			slog.Warn("logged in again", "error", err)
		} else if err != nil {
			slog.Warn("heartbeat", "error", err)
		} else if told.Ticket != "" {
			d.mu.Lock()
			d.ticket = told.Ticket
			d.mu.Unlock()
		}
	}
}

// Publish tells the directory what is in the share now.
func (d *Directory) Publish(share *Share) (int, error) {
	d.publishing.Lock()
	defer d.publishing.Unlock()
	files, err := share.Files()
	if err != nil || !d.isLoggedIn() {
		return len(files), err
	}
	return len(files), d.ask("PUT", "/loadfiles", map[string]any{"files": files}, &struct{}{})
}

// Logout ends the registration.
func (d *Directory) Logout() error {
	if !d.isLoggedIn() {
		return nil
	}
	err := d.ask("POST", "/logout", struct{}{}, &struct{}{})
	d.mu.Lock()
	defer d.mu.Unlock()
	d.token = ""
	return err
}

// pages asks for all pages of a route, and returns what stands under the key.
func pages[T any](d *Directory, route, key string, query url.Values) ([]T, error) {
	found := []T{}
	for {
		page := map[string]json.RawMessage{}
		if err := d.ask("GET", route+"?"+query.Encode(), struct{}{}, &page); err != nil {
			return nil, err
		}
		var some []T
		if err := json.Unmarshal(page[key], &some); err != nil {
			return nil, err
		}
		found = append(found, some...)
		var next string
		if page["next"] == nil || json.Unmarshal(page["next"], &next) != nil || next == "" {
			return found, nil
		}
		query.Set("cursor", next)
	}
}
