/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * `--pages 1/N`: pages whose history is told. The choice is by the page's number alone: what fork shares is
 * told of both sides, or of none. What is about a range, a huge page or a whole folio is told in any case.
 */
static __always_inline bool is_chosen(u64 vpn)
{
	return !config.sample || (u32)vpn * 0x9e3779b1U < config.sample;
}
