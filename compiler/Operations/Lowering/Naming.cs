using System.Linq;
using System.Text;

namespace Sinter.Compiler.Operations.Lowering;

/// <summary>Names of kernels, from the names in the description.</summary>
internal static class Naming
{
    /// <summary><c>model.layers.{layer}.self_attn.q_a_proj.weight</c> is <c>QAProj</c>.</summary>
    public static string Weight(string tensor)
    {
        string[] parts = tensor.Split('.');
        return Pascal(parts.LastOrDefault(part => part != "weight" && part[0] != '{') ?? tensor);
    }

    public static string Pascal(string name)
    {
        var text = new StringBuilder();
        bool upper = true;
        foreach (char c in name)
        {
            if (!char.IsLetterOrDigit(c))
            {
                upper = true;
                continue;
            }

            text.Append(upper ? char.ToUpperInvariant(c) : c);
            upper = false;
        }

        return text.Length > 0 && char.IsDigit(text[0]) ? "_" + text : text.ToString();
    }
}
