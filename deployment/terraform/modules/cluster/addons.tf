# The network plugin comes before the nodes, the others need some to run on. NetworkPolicies are enforced by the plugin itself.

resource "aws_iam_role" "addon" {
  for_each           = toset(["vpc-cni", "aws-ebs-csi-driver"])
  name_prefix        = "${substr(var.name, 0, 16)}-${substr(each.value, 0, 16)}-"
  assume_role_policy = data.aws_iam_policy_document.pod_trust.json
  tags               = var.tags
}

resource "aws_iam_role_policy_attachment" "addon" {
  for_each = {
    vpc-cni            = "AmazonEKS_CNI_Policy"
    aws-ebs-csi-driver = "service-role/AmazonEBSCSIDriverPolicy"
  }
  role       = aws_iam_role.addon[each.key].name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/${each.value}"
}

# Both run on every node before anything else can: the pod identity agent first, so that the plugin gets its role from it.
resource "aws_eks_addon" "identity" {
  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = "eks-pod-identity-agent"
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"
  tags                        = var.tags
}

resource "aws_eks_addon" "network" {
  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = "vpc-cni"
  configuration_values        = jsonencode({ enableNetworkPolicy = "true" })
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"
  tags                        = var.tags

  pod_identity_association {
    role_arn        = aws_iam_role.addon["vpc-cni"].arn
    service_account = "aws-node"
  }

  depends_on = [aws_eks_addon.identity, aws_iam_role_policy_attachment.addon]
}

resource "aws_eks_addon" "volumes" {
  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = "aws-ebs-csi-driver"
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"
  tags                        = var.tags

  pod_identity_association {
    role_arn        = aws_iam_role.addon["aws-ebs-csi-driver"].arn
    service_account = "ebs-csi-controller-sa"
  }

  depends_on = [aws_eks_node_group.this, aws_iam_role_policy_attachment.addon]
}

# metrics-server is what the HorizontalPodAutoscaler asks for CPU and memory.
resource "aws_eks_addon" "other" {
  for_each                    = toset(["coredns", "kube-proxy", "metrics-server"])
  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.value
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"
  tags                        = var.tags

  depends_on = [aws_eks_node_group.this]
}
