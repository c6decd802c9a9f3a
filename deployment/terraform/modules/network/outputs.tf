output "vpc_id" {
  description = "Id of the VPC."
  value       = aws_vpc.this.id
}

output "public_subnet_ids" {
  description = "Subnets of the load balancer."
  value       = aws_subnet.public[*].id
}

output "private_subnet_ids" {
  description = "Subnets of the nodes."
  value       = aws_subnet.private[*].id
}

output "data_subnet_ids" {
  description = "Subnets of Redis and PostgreSQL."
  value       = aws_subnet.data[*].id
}

output "nat_addresses" {
  description = "Addresses that providers see requests come from."
  value       = aws_eip.nat[*].public_ip
}
