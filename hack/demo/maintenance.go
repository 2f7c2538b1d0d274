package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// schedule sets the maintenance schedule of Mesos to one window of an hour for the
// hosts; without hosts there is none.
func (d *demo) schedule(ctx context.Context, from time.Time, hosts ...string) error {
	windows := []any{}
	for _, host := range hosts {
		windows = append(windows, map[string]any{
			"machine_ids": []any{map[string]string{"hostname": host, "ip": "127.0.0.1"}},
			"unavailability": map[string]any{
				"start":    map[string]int64{"nanoseconds": from.UnixNano()},
				"duration": map[string]int64{"nanoseconds": time.Hour.Nanoseconds()},
			},
		})
	}
	call := map[string]any{
		"type":                        "UPDATE_MAINTENANCE_SCHEDULE",
		"update_maintenance_schedule": map[string]any{"schedule": map[string]any{"windows": windows}},
	}
	if err := d.showCall(call); err != nil {
		return err
	}
	_, err := d.askMaster(ctx, call)
	return err
}

// showCall prints a call to the master as a person would type it.
func (d *demo) showCall(call any) error {
	body, err := json.Marshal(call)
	if err == nil {
		fmt.Printf("\n$ curl -H 'Content-Type: application/json' -H 'Accept: application/json' %s/api/v1 -d '%s'\n\n", d.mesos.URL(), body)
	}
	return err
}

// maintenanceStatus asks the master how its schedule is followed.
var maintenanceStatus = map[string]string{"type": "GET_MAINTENANCE_STATUS"}

// showMaintenance prints what Mesos tells those who run it, when the host is left.
func (d *demo) showMaintenance(ctx context.Context, host string) error {
	answer := ""
	err := d.poll(ctx, "the answer to the inverse offer of "+host, func() (bool, string, error) {
		var err error
		answer, err = d.inverseAnswer(ctx, host)
		return answer == "ACCEPT", "it is " + answer, err
	})
	if err == nil {
		err = d.showCall(maintenanceStatus)
	}
	if err == nil {
		d.say("Mesos says that the framework's answer to the inverse offer of %s is %s", host, answer)
	}
	return err
}

// inverseAnswer is what the framework has said to the inverse offer of a host, as Mesos
// tells it; empty: nothing.
func (d *demo) inverseAnswer(ctx context.Context, host string) (string, error) {
	answer, err := d.askMaster(ctx, maintenanceStatus)
	if err != nil {
		return "", err
	}
	var status struct {
		Maintenance struct {
			Status struct {
				Machines []struct {
					ID       struct{ Hostname string } `json:"id"`
					Statuses []struct{ Status string } `json:"statuses"`
				} `json:"draining_machines"`
			} `json:"status"`
		} `json:"get_maintenance_status"`
	}
	if err := json.Unmarshal(answer, &status); err != nil {
		return "", fmt.Errorf("read the maintenance status: %w", err)
	}
	for _, m := range status.Maintenance.Status.Machines {
		if m.ID.Hostname == host && len(m.Statuses) > 0 {
			return m.Statuses[0].Status, nil
		}
	}
	return "", nil
}

// askMaster makes a call to the operator API of the master.
func (d *demo) askMaster(ctx context.Context, call any) ([]byte, error) {
	body, err := json.Marshal(call)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.mesos.URL()+"/api/v1", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("call the master: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, answer)
	}
	if err != nil {
		return nil, fmt.Errorf("call the master: %w", err)
	}
	return answer, nil
}
