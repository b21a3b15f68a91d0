// A peer that answers, and nothing more: chapter 0 of the course. Go 1.24, no modules of others.
package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
)

// verbs are what the lab may ask for, by name: functions that take the body of the request, and return the answer.
var verbs = map[string]func(asked json.RawMessage) (any, error){}

func control(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/healthz" {
		answer(w, http.StatusOK, struct{}{})
		return
	}
	if r.Header.Get("authorization") != "Bearer "+os.Getenv("PEER_CONTROL_TOKEN") {
		refuse(w, http.StatusUnauthorized, "unauthorized", "the token is missing or wrong")
		return
	}
	var name string
	if _, err := fmt.Sscanf(r.URL.Path, "/control/%s", &name); err != nil || verbs[name] == nil {
		refuse(w, http.StatusNotFound, "no-such-route", "this peer has no "+r.URL.Path+" yet")
		return
	}
	var asked json.RawMessage
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		refuse(w, http.StatusBadRequest, "bad-request", err.Error())
		return
	}
	told, err := verbs[name](asked)
	if err != nil {
		refuse(w, http.StatusInternalServerError, "internal", err.Error())
		return
	}
	answer(w, http.StatusOK, told)
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	answer(w, status, map[string]any{"error": map[string]string{"code": code, "message": message}})
}

func answer(w http.ResponseWriter, status int, told any) {
	w.Header().Set("content-type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(told)
}

func main() {
	address := net.JoinHostPort(os.Getenv("PEER_HOST"), os.Getenv("PEER_CONTROL_PORT"))
	go func() {
		fmt.Println(`{"level":30,"msg":"it answers"}`)
		fmt.Println(http.ListenAndServe(address, http.HandlerFunc(control)))
		os.Exit(1)
	}()
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	<-asked
}
