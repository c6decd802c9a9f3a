"""Who there is: tenants, projects, keys, end users, people and tenants' own provider keys, over the admin API."""
